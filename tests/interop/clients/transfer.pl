# Perl's Net::FTP under TLS: PORT, then NAME... are fetched and stored again as up/NAME, on one session.
use strict;
use warnings;
use IO::Socket::SSL;
use Net::FTP;

# Net::FTP keeps the session under the name of the host and, by a mistake, looks for it under address and port.
IO::Socket::SSL::set_client_defaults(SSL_session_key => "127.0.0.1");

my ($port, @names) = @ARGV;
my $ftp = Net::FTP->new("127.0.0.1", Port => $port, Passive => 1, Timeout => 120, SSL_verify_mode => 0)
    or die "connect: $@";
$ftp->starttls or die "starttls: " . $ftp->message;
$ftp->login("demo", "demo") or die "login: " . $ftp->message;
$ftp->binary;
for my $name (@names) { $ftp->get($name, $name) or die "get $name: " . $ftp->message; }
for my $name (@names) { $ftp->put($name, "up/$name") or die "put $name: " . $ftp->message; }
$ftp->quit;
