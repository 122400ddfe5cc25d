# Ruby's Net::FTP under TLS: PORT, then NAME... are fetched and stored again as up/NAME, on one session.
require "net/ftp"

port, *names = ARGV
version = ENV["TLS_VERSION"] == "1.2" ? :TLS1_2 : :TLS1_3
tls = { verify_mode: OpenSSL::SSL::VERIFY_NONE, min_version: version, max_version: version }
Net::FTP.open("127.0.0.1", port: port.to_i, ssl: tls,
              username: "demo", password: "demo", passive: true) do |ftp|
  names.each { |name| ftp.getbinaryfile(name, name) }
  names.each { |name| ftp.putbinaryfile(name, "up/#{name}") }
end
