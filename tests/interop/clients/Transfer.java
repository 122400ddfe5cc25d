// Apache Commons Net: PORT MODE TLS NAME... are fetched and stored again as up/NAME, on one session. MODE is stream,
// block or compressed, set as Hadoop's FTPFileSystem sets it: whatever the server answers. TLS is none, TLSv1.2 or
// TLSv1.3.
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.util.Arrays;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPClient;
import org.apache.commons.net.ftp.FTPReply;
import org.apache.commons.net.ftp.FTPSClient;
import org.apache.commons.net.util.TrustManagerUtils;

public class Transfer {
  static final String HOST = "127.0.0.1";

  // Java finds a session by host and port of the peer, so a data connection has to name the port of the control
  // connection. Commons Net by itself resumes nothing.
  static class DataSocket extends Socket {
    private final int named;

    DataSocket(int port, int named) throws IOException {
      super(HOST, port);
      this.named = named;
    }

    @Override
    public int getPort() {
      return named;
    }
  }

  static class ResumingClient extends FTPSClient {
    private final SSLContext context;
    private final String version;
    private final int port;

    ResumingClient(SSLContext context, String version, int port) {
      super(false, context);
      this.context = context;
      this.version = version;
      this.port = port;
      setEnabledProtocols(new String[] {version});
    }

    @Override
    protected Socket _openDataConnection_(String command, String argument) throws IOException {
      if (!FTPReply.isPositiveCompletion(epsv())) return null;
      Socket plain = new DataSocket(Integer.parseInt(getReplyString().split("\\|")[3]), port);
      if (!FTPReply.isPositivePreliminary(sendCommand(command, argument))) {
        plain.close();
        return null;
      }
      SSLSocket secured = (SSLSocket) context.getSocketFactory().createSocket(plain, HOST, port, true);
      secured.setUseClientMode(true);
      secured.setEnabledProtocols(new String[] {version});
      secured.startHandshake();
      return secured;
    }
  }

  static FTPClient client(String tls, int port) throws Exception {
    if (tls.equals("none")) return new FTPClient();
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, new TrustManager[] {TrustManagerUtils.getAcceptAllTrustManager()}, null);
    return new ResumingClient(context, tls, port);
  }

  static int mode(String name) {
    if (name.equals("block")) return FTP.BLOCK_TRANSFER_MODE;
    return name.equals("compressed") ? FTP.COMPRESSED_TRANSFER_MODE : FTP.STREAM_TRANSFER_MODE;
  }

  static void wanted(boolean good, FTPClient client, String what) {
    if (good) return;
    System.err.println("failed: " + what + ": " + client.getReplyString());
    System.exit(1);
  }

  public static void main(String[] words) throws Exception {
    int port = Integer.parseInt(words[0]);
    FTPClient client = client(words[2], port);
    client.setDefaultTimeout(120_000);
    client.connect(HOST, port);
    wanted(client.login("demo", "demo"), client, "login");
    if (client instanceof FTPSClient) {
      ((FTPSClient) client).execPBSZ(0);
      ((FTPSClient) client).execPROT("P");
    }
    client.setFileTransferMode(mode(words[1]));
    client.setFileType(FTP.BINARY_FILE_TYPE);
    client.enterLocalPassiveMode();
    String[] names = Arrays.copyOfRange(words, 3, words.length);
    for (String name : names)
      try (OutputStream file = new FileOutputStream(name)) {
        wanted(client.retrieveFile(name, file), client, "retrieve " + name);
      }
    for (String name : names)
      try (InputStream file = new FileInputStream(name)) {
        wanted(client.storeFile("up/" + name, file), client, "store " + name);
      }
    client.logout();
    client.disconnect();
  }
}
