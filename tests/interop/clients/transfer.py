"""Python's ftplib under TLS: PORT, then NAME... are fetched and stored again as up/NAME, on one session.

By itself ftplib does not resume; this is how programs have it do so.
"""
import ftplib
import ssl
import sys


class ResumingFtp(ftplib.FTP_TLS):
    def ntransfercmd(self, command, rest=None):
        connection, size = ftplib.FTP.ntransfercmd(self, command, rest)
        if self._prot_p:
            connection = self.context.wrap_socket(connection, server_hostname=self.host, session=self.sock.session)
        return connection, size


def main(port, *names):
    context = ssl._create_unverified_context()
    with ResumingFtp(context=context, timeout=120) as ftp:
        ftp.connect("127.0.0.1", int(port))
        ftp.login("demo", "demo")
        ftp.prot_p()
        for name in names:
            with open(name, "wb") as file:
                ftp.retrbinary(f"RETR {name}", file.write)
        for name in names:
            with open(name, "rb") as file:
                ftp.storbinary(f"STOR up/{name}", file)


main(*sys.argv[1:])
