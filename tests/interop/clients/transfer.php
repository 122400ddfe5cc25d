<?php
// PHP's ftp extension under TLS: PORT, then NAME... are fetched and stored again as up/NAME, on one session.
$names = array_slice($argv, 2);
function wanted($good, $what) {
  if (!$good) { fwrite(STDERR, "failed: $what\n"); exit(1); }
}
$ftp = ftp_ssl_connect('127.0.0.1', (int)$argv[1], 120);
wanted($ftp, 'connect');
wanted(ftp_login($ftp, 'demo', 'demo'), 'login');
wanted(ftp_pasv($ftp, true), 'pasv');
foreach ($names as $name) wanted(ftp_get($ftp, $name, $name, FTP_BINARY), "get $name");
foreach ($names as $name) wanted(ftp_put($ftp, "up/$name", $name, FTP_BINARY), "put $name");
ftp_close($ftp);
