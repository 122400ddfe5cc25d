// config.toml: every key, its range, and what is said when it is wrong.
#include "core/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/catch.hpp"

namespace {

using core::Right;

std::vector<std::string> mistakes(std::string_view text) {
  const auto parsed = core::parse_config(text, "c.toml");
  std::vector<std::string> found;
  if (parsed) return found;
  for (const core::ConfigError& error : parsed.error()) found.push_back(core::to_string(error));
  return found;
}

core::Config parsed(std::string_view text) {
  INFO(fmt::format("{}", fmt::join(mistakes(text), "\n")));
  const auto result = core::parse_config(text, "c.toml");
  REQUIRE(result);
  return result->config;
}

std::string read_file(const char* path) {
  std::ifstream file(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Every key there is.
const std::vector<std::string> contract{
    "server.name",
    "server.greeting",
    "server.hosts",
    "server.language",
    "server.drain_timeout_s",
    "server.workers",
    "listen.control",
    "listen.implicit_tls",
    "listen.proxy_protocol_from",
    "listen.backlog",
    "io.backend",
    "io.ring_entries",
    "io.offload_threads",
    "data.passive_ports",
    "data.passive_address",
    "data.foreign_addresses",
    "data.active",
    "data.active_port_fallback",
    "data.block_modes",
    "data.connect_timeout_s",
    "data.stall_timeout_s",
    "data.buffer_kib",
    "data.marker_interval_bytes",
    "tuning.slice_kib",
    "tuning.turn_us",
    "tuning.copy_kib",
    "tuning.gather_kib",
    "tuning.cold_read_kib",
    "tuning.unsent_kib",
    "tuning.send_buffer_kib",
    "tuning.receive_buffer_kib",
    "tuning.congestion_control",
    "tuning.busy_poll_us",
    "tuning.pipes",
    "tuning.pipe_kib",
    "tuning.slow_write_ms",
    "tuning.slow_writes_rest_ms",
    "tuning.open_files",
    "tuning.preallocate_mib",
    "listing.cache_mib",
    "tls.certificate",
    "tls.key",
    "tls.require",
    "tls.min_version",
    "tls.ciphers",
    "tls.ciphersuites",
    "tls.data_resumption",
    "tls.client_certificates",
    "tls.client_ca",
    "tls.crl",
    "tls.ocsp_response",
    "tls.handshake_timeout_s",
    "tls.ktls",
    "tls.ccc",
    "certificate[0].certificate",
    "certificate[0].key",
    "certificate[0].ocsp_response",
    "limits.sessions",
    "limits.sessions_per_address",
    "limits.ipv6_prefix",
    "limits.idle_timeout_s",
    "limits.idle_timeout_max_s",
    "limits.login_timeout_s",
    "limits.login_failures",
    "limits.login_failure_delay_ms",
    "limits.logins_waiting",
    "limits.transfer_buffers",
    "limits.deflate_level",
    "limits.inflate_ratio",
    "limits.heavy_works",
    "limits.digest_max_bytes",
    "anonymous.enabled",
    "anonymous.root",
    "anonymous.create_root",
    "anonymous.mounts",
    "anonymous.allow",
    "uploads.publish",
    "uploads.file_mode",
    "uploads.directory_mode",
    "uploads.file_max_bytes",
    "uploads.control_characters",
    "uploads.keep_partial",
    "log.level",
    "log.file",
    "user[0].name",
    "user[0].password",
    "user[0].account",
    "user[0].account_for",
    "user[0].root",
    "user[0].create_root",
    "user[0].mounts",
    "user[0].certificate",
    "user[0].data_resumption",
    "user[0].allow",
    "host[0].name",
    "host[0].title",
    "host[0].greeting",
    "host[0].language",
    "host[0].state",
    "host[0].users",
    "host[0].root",
    "host[0].certificate",
    "host[0].key",
    "host[0].ocsp_response",
    "host[0].user[0].name",
    "host[0].user[0].password",
    "host[0].user[0].root",
    "host[0].anonymous.root",
};

/// config.toml with its commented example of `section` switched on: to the first line that is no comment.
std::string with_example(std::string text, const std::string& section) {
  std::size_t at = text.find("# " + section);
  REQUIRE(at != std::string::npos);
  for (; text.compare(at, 2, "# ") == 0; at = text.find('\n', at) + 1) text.erase(at, 2);
  return text;
}

std::string with_examples(const std::string& text) {
  std::string whole = with_example(with_example(with_example(text, "[[certificate]]"), "[[user]]"), "[[host]]");
  for (const std::string_view key : {"certificate = ", "key = "}) {  // of [tls], without which there is no second
    const std::size_t value = whole.find("\n" + std::string(key) + "\"\"");
    REQUIRE(value != std::string::npos);
    whole.insert(value + 1 + key.size() + 1, "x.pem");
  }
  return whole;
}

constexpr std::string_view demo = "[[user]]\nname = \"demo\"\npassword = \"$6$salt$hash\"\nroot = \"srv\"\n";

}  // namespace

// ---- what is right ----

TEST_CASE("config.toml shows every key with its default", "[config]") {
  const std::string text = read_file("config.toml");
  CHECK(parsed(text) == parsed("[anonymous]\n"));
  const auto with_user = core::parse_config(with_examples(text), "config.toml");
  REQUIRE(with_user);
  for (const std::string& key : contract) {
    CAPTURE(key);
    CHECK(with_user->line_of(key) > 0);
  }
  CHECK(with_user->lines.size() == contract.size() + 4);  // and certificate[0], user[0], host[0] and host[0].user[0]
  const core::Account& user = with_user->config.accounts.all().at(0);
  CHECK(user.rights == parsed(demo).accounts.all().at(0).rights);
}

TEST_CASE("an empty text is a valid configuration in which nobody can log in", "[config]") {
  const core::Config config = parsed("");
  CHECK(config.accounts.all().empty());
  REQUIRE(config.listen.control.size() == 2);
  CHECK(core::to_string(config.listen.control[0]) == "0.0.0.0:2121");
  CHECK(core::to_string(config.listen.control[1]) == "[::]:2121");
  CHECK(config.data.passive_ports == core::PortRange{50000, 50999});
  CHECK_FALSE(config.data.passive_address);
  CHECK(config.server.workers == 1);
  CHECK(config.limits.sessions == 20000);
  CHECK(config.limits.idle_timeout_s >= 300);
  CHECK(config.uploads.file_mode == 0644);
}

TEST_CASE("every kind of value is read", "[config]") {
  const core::Config config = parsed(R"(
    [server]
    name = "Files"
    greeting = ""
    workers = 0
    [listen]
    control = ["127.0.0.1:21", "[::1]:0"]
    proxy_protocol_from = ["10.0.0.0/8"]
    [io]
    backend = "epoll"
    [data]
    passive_ports = "1024-1024"
    passive_address = "192.0.2.1"
    foreign_addresses = ["2001:db8::/32", "192.0.2.7"]
    active = false
    active_port_fallback = true
    [limits]
    sessions = 1
    idle_timeout_s = 0
    deflate_level = 0
    inflate_ratio = 1032
    heavy_works = 1
    digest_max_bytes = 1000000
    [uploads]
    publish = "durable"
    file_mode = "0600"
    directory_mode = "2775"
    keep_partial = false
    [log]
    level = "debug"
    file = "/var/log/millrace"
  )");
  CHECK(config.server.name == "Files");
  CHECK(config.server.greeting.empty());
  CHECK(config.server.workers == 0);
  REQUIRE(config.listen.control.size() == 2);
  CHECK(core::to_string(config.listen.control[1]) == "[::1]:0");
  CHECK(config.listen.proxy_protocol_from == std::vector{*core::parse_network("10.0.0.0/8")});
  CHECK(config.io.backend == core::BackendChoice::epoll);
  CHECK(config.data.passive_ports == core::PortRange{1024, 1024});
  CHECK(config.data.passive_address == core::parse_address("192.0.2.1"));
  CHECK(config.data.foreign_addresses.size() == 2);
  CHECK_FALSE(config.data.active);
  CHECK(config.data.active_port_fallback);
  CHECK(config.limits.sessions == 1);
  CHECK(config.limits.idle_timeout_s == 0);
  CHECK(config.limits.deflate_level == 0);
  CHECK(config.limits.inflate_ratio == 1032);
  CHECK(config.limits.heavy_works == 1);
  CHECK(config.limits.digest_max_bytes == 1'000'000);
  CHECK(config.uploads.publish == core::Publish::durable);
  CHECK(config.uploads.file_mode == 0600);
  CHECK(config.uploads.directory_mode == 02775);
  CHECK_FALSE(config.uploads.keep_partial);
  CHECK(config.log.level == core::LogLevel::debug);
  CHECK(config.log.file == "/var/log/millrace");
}

TEST_CASE("TLS keys are accepted together", "[config]") {
  const core::Config config = parsed(
      "[listen]\nimplicit_tls = [\"0.0.0.0:2990\"]\n"
      "[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\nrequire = \"data\"\n");
  CHECK(config.listen.implicit_tls.size() == 1);
  CHECK(config.tls.certificate == "c.pem");
  CHECK(config.tls.key == "k.pem");
  CHECK(config.tls.require == "data");
}

TEST_CASE("anonymous is who the section says", "[config]") {
  CHECK(parsed("[anonymous]\nenabled = false\nroot = \"x\"\n").accounts.find("ftp") == nullptr);
  const core::Config config = parsed("[anonymous]\nroot = \"/pub\"\nallow = [\"list\", \"write\"]\n");
  const core::Account* const anonymous = config.accounts.find("FTP");
  REQUIRE(anonymous != nullptr);
  CHECK(anonymous->anonymous);
  CHECK(anonymous->root == "/pub");
  CHECK(anonymous->rights == core::Rights{Right::list, Right::write});
  CHECK(parsed("[anonymous]\n").accounts.find("anonymous")->rights == core::Rights{Right::list, Right::read});
  CHECK(parsed("[anonymous]\nallow = []\n").accounts.find("anonymous")->rights == core::Rights{});
}

TEST_CASE("users come in the order of the text, before anonymous", "[config]") {
  const core::Config config = parsed(std::string("[anonymous]\n") + std::string(demo) +
                                     "[[user]]\nname = \"second\"\npassword = \"\"\nroot = \"r\"\n"
                                     "account = \"books\"\nallow = [\"read\"]\n");
  REQUIRE(config.accounts.all().size() == 3);
  const core::Account& first = config.accounts.all()[0];
  CHECK(first.name == "demo");
  CHECK(first.password_hash == "$6$salt$hash");
  for (std::size_t i = 0; i < core::right_count; ++i)
    CHECK(first.rights.has(static_cast<Right>(i)) == (static_cast<Right>(i) != Right::admin));
  const core::Account& second = config.accounts.all()[1];
  CHECK(second.name == "second");
  CHECK(second.account == "books");
  CHECK(second.rights == core::Rights{Right::read});
  CHECK(config.accounts.all()[2].anonymous);
}

TEST_CASE("any crypt(3) hash is taken", "[config]") {
  const std::string hash =
      GENERATE("$y$j9T$salt$hash", "$6$salt$hash", "$2b$05$saltandhash", "$1$s$h", "$5$s$h", "$7$C6..../....s$h",
               "$gy$j9T$s$h", "$sha1$1$s$h", "abJnggxhB/yWI", "_J9..K0AyUubDrfOgO4s", "");
  CHECK(mistakes(fmt::format("[[user]]\nname = \"a\"\nroot = \"r\"\npassword = \"{}\"\n", hash)).empty());
}

TEST_CASE("a host has names, users and files of its own", "[config][names]") {
  const core::Config config = parsed(std::string(demo) + R"(
    [[user]]
    name = "anna"
    password = ""
    root = "/anna"
    mounts = ["archive=/srv/archive"]
    [anonymous]
    root = "/pub"
    [server]
    name = "Main"
    hosts = "ftp.Example.org"
    language = "DE"
    [[host]]
    name = ["Files.example.org", "xn--mller-kva.example"]
    title = "Files"
    greeting = "hello"
    language = "en"
    state = "down"
    users = ["anna", "anonymous"]
    [[host.user]]
    name = "demo"
    password = ""
    root = "/files"
    allow = ["read"]
    [[host]]
    name = "second.example.org"
    users = ["demo", "anna"]
    root = "/second"
    [host.anonymous]
    root = "/second/pub"
    allow = ["list"]
    [[host]]
    name = "empty.example.org"
    [host.anonymous]
    enabled = false
  )");
  CHECK(config.server.hosts == std::vector<std::string>{"ftp.example.org"});
  CHECK(config.server.language == core::Language::de);
  REQUIRE(config.hosts.size() == 3);
  const core::Config::Host& files = config.hosts[0];
  CHECK(files.names == std::vector<std::string>{"files.example.org", "xn--mller-kva.example"});
  CHECK((files.title == "Files" && files.greeting == "hello"));
  CHECK(files.language == core::Language::en);
  CHECK(files.state == core::HostState::down);
  REQUIRE(files.accounts.all().size() == 3);
  CHECK(files.accounts.find("demo")->root == "/files");
  CHECK(files.accounts.find("demo")->rights == core::Rights{Right::read});
  CHECK(*files.accounts.find("anna") == *config.accounts.find("anna"));
  CHECK(files.accounts.find("ftp")->root == "/pub");
  const core::Config::Host& second = config.hosts[1];
  CHECK((second.title == "Main" && second.greeting == "FTP server ready"));
  CHECK(second.language == core::Language::de);
  CHECK(second.state == core::HostState::up);
  CHECK(second.accounts.find("anna")->root == "/second");
  CHECK(second.accounts.find("anna")->mounts.empty());
  CHECK(second.accounts.find("anna")->place == "host[1]");
  CHECK(second.accounts.find("ftp")->root == "/second/pub");
  CHECK(second.accounts.find("ftp")->rights == core::Rights{Right::list});
  CHECK(config.hosts[2].accounts.all().empty());
  CHECK(config.accounts.find("ftp")->root == "/pub");  // the hosts' are others
  CHECK(config.accounts.all().size() == 3);
  CHECK(config.find_host("second.example.org") == &second);
  CHECK(config.find_host("ftp.example.org") == nullptr);
  CHECK(config.is_own_name("ftp.example.org"));
  CHECK_FALSE(config.is_own_name("nobody.example.org"));
  CHECK(core::Config().is_own_name("nobody.example.org"));  // where there are no hosts
  CHECK(core::all_accounts(config).size() == 9);
}

TEST_CASE("each key's line is known", "[config]") {
  const auto result = core::parse_config("\n[data]\nactive = true\n" + std::string(demo) + std::string(demo), "c");
  REQUIRE_FALSE(result);  // demo twice
  const auto good = core::parse_config("\n[data]\nactive = true\n" + std::string(demo), "c");
  REQUIRE(good);
  CHECK(good->line_of("data.active") == 3);
  CHECK(good->line_of("user[0]") == 4);
  CHECK(good->line_of("user[0].root") == 7);
  CHECK(good->line_of("user[1].root") == 0);
  CHECK(good->line_of("data.passive_ports") == 0);
}

// ---- several workers, and reloading ----

TEST_CASE("what is divided among workers is divided without rest or overlap", "[config]") {
  const std::size_t workers = GENERATE(1, 2, 3, 7, 64);
  core::Config whole = parsed("[data]\npassive_ports = \"65436-65535\"\n[limits]\ntransfer_buffers = 130\n");
  std::size_t next_port = 65436;
  std::int64_t buffers = 0;
  for (std::size_t worker = 0; worker < workers; ++worker) {
    const core::Config part = core::share(whole, worker, workers);
    CAPTURE(worker, part.data.passive_ports.first, part.data.passive_ports.last);
    CHECK(part.data.passive_ports.first == next_port);
    CHECK(part.data.passive_ports.size() >= 100 / workers);
    CHECK(part.limits.transfer_buffers >= static_cast<std::int64_t>(130 / workers));
    const auto works = static_cast<std::int64_t>(16 / workers);  // the default
    CHECK(part.limits.heavy_works >= std::max<std::int64_t>(works, 1));
    CHECK(part.limits.heavy_works <= works + 1);
    next_port = part.data.passive_ports.last + 1U;
    buffers += part.limits.transfer_buffers;
    CHECK(part.limits.sessions == whole.limits.sessions);
  }
  CHECK(next_port == 65536);
  CHECK(buffers == 130);
  CHECK(core::share(whole, 0, 1) == whole);
}

TEST_CASE("a reload keeps what only a start can change", "[config]") {
  const core::Config running = parsed("[server]\nname = \"old\"\nworkers = 2\n");
  const core::Config fresh = parsed(
      "[server]\nname = \"new\"\nworkers = 3\n[listen]\ncontrol = [\"127.0.0.1:21\"]\n[io]\nbackend = \"epoll\"\n"
      "[log]\nlevel = \"debug\"\n[tuning]\nslice_kib = 64\n[data]\npassive_ports = \"2000-2001\"\nbuffer_kib = "
      "4\nactive = false\n"
      "[limits]\ntransfer_buffers = 7\nsessions = 3\n[anonymous]\n");
  const core::Config now = core::reloaded(running, fresh);
  CHECK(now.server.name == "new");
  CHECK(now.limits.sessions == 3);
  CHECK_FALSE(now.data.active);
  CHECK(now.accounts == fresh.accounts);
  CHECK(now.server.workers == 2);
  CHECK(now.listen == running.listen);
  CHECK(now.io == running.io);
  CHECK(now.tuning == running.tuning);
  CHECK(now.log == running.log);
  CHECK(now.data.passive_ports == running.data.passive_ports);
  CHECK(now.data.buffer_kib == running.data.buffer_kib);
  CHECK(now.limits.transfer_buffers == running.limits.transfer_buffers);
}

// ---- what is wrong ----

TEST_CASE("a mistake is named with its line, its key and its cure", "[config]") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"[data]\npasive_ports = \"1-2\"",
       "c.toml:2: data.pasive_ports: unknown key `pasive_ports` in [data]; did you mean `passive_ports`?"},
      {"[data]\nsessions = 5", "c.toml:2: data.sessions: unknown key `sessions` in [data]; it belongs in [limits]"},
      {"[data]\nzzzzz = 5", "c.toml:2: data.zzzzz: unknown key `zzzzz` in [data]"},
      {"\n[lisen]\n", "c.toml:2: lisen: unknown section [lisen]; did you mean [listen]?"},
      {"[users]\n", "c.toml:1: users: unknown section [users]; did you mean [[user]]?"},
      {"[performance]\n", "c.toml:1: performance: unknown section [performance]"},
      {"[[performance]]\n", "c.toml:1: performance: unknown section [performance]"},
      {"sessions = 5", "c.toml:1: sessions: stands in no section; it belongs in [limits]"},
      {"zzzzz = 5", "c.toml:1: zzzzz: unknown key `zzzzz`; keys stand in sections such as [listen]"},
      {"data = 5", "c.toml:1: data: must be one table, [data], not an integer"},
      {"[[data]]\n", "c.toml:1: data: must be one table, [data], not an array"},
      {"[user]\nname = \"x\"", "c.toml:1: user: must be written as [[user]], not one table: double the brackets"},
      {"user = [1]", "c.toml:1: user: must be written as [[user]], not an array"},
      {"[limits]\nsessions = \"5\"", "c.toml:2: limits.sessions: must be an integer, not a string"},
      {"[limits]\nsessions = 5.0", "c.toml:2: limits.sessions: must be an integer, not a number with a fraction"},
      {"[limits]\nsessions = 0", "c.toml:2: limits.sessions: must be from 1 to 1000000 sessions, not 0"},
      {"[limits]\nidle_timeout_s = -1",
       "c.toml:2: limits.idle_timeout_s: must be from 0 to 604800 seconds (0: never), not -1"},
      {"[server]\nworkers = 257",
       "c.toml:2: server.workers: must be from 0 to 256 workers (0: one for each CPU), not 257"},
      {"[data]\nactive = 1", "c.toml:2: data.active: must be true or false, not an integer"},
      {"[data]\nactive = \"yes\"", "c.toml:2: data.active: must be true or false, not a string"},
      {"[server]\nname = 2026-11-22", "c.toml:2: server.name: must be a string, not a date or time"},
      {"[server]\nname = {}", "c.toml:2: server.name: must be a string, not a table"},
      {"[server]\nname = \"\"", "c.toml:2: server.name: must be one line of text, and not empty"},
      {"[server]\ngreeting = \"a\\r\\nb\"", "c.toml:2: server.greeting: must be one line of text"},
      {"[io]\nbackend = \"uring\"", "c.toml:2: io.backend: must be \"auto\", \"io_uring\" or \"epoll\""},
      {"[log]\nlevel = \"loud\"", "c.toml:2: log.level: must be \"debug\", \"info\", \"warning\" or \"error\""},
      {"[tls]\nrequire = \"always\"", "c.toml:2: tls.require: must be \"never\", \"control\" or \"data\""},
      {"[uploads]\nfile_mode = 0o644", "c.toml:2: uploads.file_mode: must be a string, not an integer"},
      {"[uploads]\nfile_mode = \"0888\"",
       "c.toml:2: uploads.file_mode: must be octal permissions from \"0\" to \"0777\", such as \"0644\""},
      {"[listen]\ncontrol = []",
       "c.toml:2: listen.control: must not be empty: name an address and a port, such as \"0.0.0.0:2121\""},
      {"[listen]\ncontrol = \"0.0.0.0:21\"", "c.toml:2: listen.control: must be an array of strings, not a string"},
      {"[listen]\ncontrol = [21]", "c.toml:2: listen.control: must be an array of strings, not of an integer"},
      {"[listen]\ncontrol = [\n\"0.0.0.0:21\",\n\"::1:21\"\n]",
       "c.toml:4: listen.control: must be an address and a port: \"0.0.0.0:2121\" or \"[::]:2121\"; \"::1:21\" is "
       "none"},
      {"[listen]\ncontrol = [\"0.0.0.0:21\", \"0.0.0.0:21\"]",
       "c.toml:2: listen.control: \"0.0.0.0:21\" stands here twice"},
      {"[data]\nforeign_addresses = [\"10.0.0.0/33\"]",
       "c.toml:2: data.foreign_addresses: must be a network or an address: \"10.0.0.0/8\", \"2001:db8::/32\", "
       "\"192.0.2.1\"; \"10.0.0.0/33\" is none"},
      {"[anonymous]\nallow = [\"reed\"]",
       "c.toml:2: anonymous.allow: must be rights: \"list\", \"read\", \"write\", \"delete\", \"rename\", \"mkdir\", "
       "\"site\", \"admin\"; \"reed\" is none"},
      {"[tls]\ncertificate = \"c.pem\"",
       "c.toml:2: tls.certificate: needs its private key: set [tls] key to the PEM file that holds it"},
      {"[tls]\nkey = \"k.pem\"", "c.toml:2: tls.key: needs a certificate: set [tls] certificate and key"},
      {"[tls]\nrequire = \"data\"", "c.toml:2: tls.require: needs a certificate: set [tls] certificate and key"},
      {"[tls]\nmin_version = \"1.1\"", "c.toml:2: tls.min_version: must be \"1.2\" or \"1.3\""},
      {"[tls]\ndata_resumption = \"never\"", "c.toml:2: tls.data_resumption: must be \"prefer\" or \"require\""},
      {"[tls]\nktls = \"on\"", "c.toml:2: tls.ktls: must be \"auto\" or \"off\""},
      {"[tls]\nclient_certificates = \"required\"",
       "c.toml:2: tls.client_certificates: needs [tls] client_ca, the PEM file of who signs them"},
      {"[tls]\ncrl = \"r.pem\"",
       "c.toml:2: tls.crl: revokes what nobody is asked for: set client_certificates to \"optional\" or \"required\""},
      {"[[certificate]]\ncertificate = \"c\"\nkey = \"k\"",
       "c.toml:1: certificate[0]: is one more certificate: set [tls] certificate and key first"},
      {"[tls]\ncertificate = \"c\"\nkey = \"k\"\n[[certificate]]\ncertificate = \"c\"",
       "c.toml:4: certificate[0].key: a [[certificate]] needs its private key, a PEM file"},
      {"[listen]\nimplicit_tls = [\"0.0.0.0:2990\"]",
       "c.toml:2: listen.implicit_tls: needs a certificate: set [tls] certificate and key"},
      {"[anonymous]\n[[user]]\nname = \"Ftp\"\npassword = \"\"\nroot = \"r\"",
       "c.toml:3: user[0].name: is a name of the anonymous user: choose another, or set [anonymous] enabled = false"},
      {"[server]\nlanguage = \"fr\"", "c.toml:2: server.language: must be \"en\" or \"de\""},
      {"[server]\nhosts = [\"192.0.2.1\"]",
       "c.toml:2: server.hosts: must be host names as DNS has them, such as \"ftp.example.org\" or "
       "\"xn--mller-kva.example\"; \"192.0.2.1\" is none"},
      {"[server]\nhosts = 1", "c.toml:2: server.hosts: must be a string or an array of strings, not an integer"},
      {"[[host]]\ntitle = \"x\"",
       "c.toml:1: host[0].name: a [[host]] needs the name, or the names, that HOST asks for it by"},
      {"[[host]]\nname = []", "c.toml:2: host[0].name: must hold one name at least, such as \"ftp.example.org\""},
      {"[host]\nname = \"a\"", "c.toml:1: host: must be written as [[host]], not one table: double the brackets"},
      {"[[host]]\nnames = \"a\"\nname = \"a\"",
       "c.toml:2: host[0].names: unknown key `names` in [[host]]; did you mean `name`?"},
      {"[[host]]\nname = \"a:21\"",
       "c.toml:2: host[0].name: must be host names as DNS has them, such as \"ftp.example.org\" or "
       "\"xn--mller-kva.example\"; \"a:21\" is none"},
      {"[[host]]\nname = \"a\"\nstate = \"off\"", "c.toml:3: host[0].state: must be \"up\", \"down\" or \"disabled\""},
      {"[[host]]\nname = \"a\"\nusers = [\"nobody\"]",
       "c.toml:3: host[0].users: \"nobody\" is the name of no [[user]]"},
      {"[anonymous]\n[[host]]\nname = \"a\"\nusers = [\"ftp\"]\n[host.anonymous]\n",
       "c.toml:4: host[0].users: \"ftp\" is a user of this host already"},
      {"[[host]]\nname = \"a\"\nroot = \"r\"",
       "c.toml:3: host[0].root: is the root of those in `users`, and there are none: name some, or leave it out"},
      {"[[host]]\nname = \"a\"\n[host.user]\nname = \"x\"",
       "c.toml:3: host[0].user: must be written as [[host.user]], not one table: double the brackets"},
      {"[[host]]\nname = \"a\"\nanonymous = true",
       "c.toml:3: host[0].anonymous: must be one table, [host.anonymous], not a boolean"},
      {"[[host]]\nname = \"a\"\n[[host.user]]\nname = \"x\"\npassword = \"\"",
       "c.toml:3: host[0].user[0].root: a [[user]] needs a root, the directory that the user sees as \"/\""},
      {"[[host]]\nname = \"a\"\n[[host.user]]\nname = \"ftp\"\npassword = \"\"\nroot = \"r\"\n[host.anonymous]",
       "c.toml:4: host[0].user[0].name: is a name of the anonymous user: choose another, or set [anonymous] enabled = "
       "false"},
      {"[[host]]\nname = \"a\"\n[host.anonymous]\nrot = \"r\"",
       "c.toml:4: host[0].anonymous.rot: unknown key `rot` in [anonymous]; did you mean `root`?"},
      {"[[host]]\nname = \"a\"\ncertificate = \"c\"\nkey = \"k\"",
       "c.toml:3: host[0].certificate: is one more certificate: set [tls] certificate and key first"},
      {"[tls]\ncertificate = \"c\"\nkey = \"k\"\n[[host]]\nname = \"a\"\nkey = \"k\"",
       "c.toml:6: host[0].key: needs the other of certificate and key, which go together"},
      {"[[host]]\nname = \"a\"\nocsp_response = \"o\"",
       "c.toml:3: host[0].ocsp_response: is for a certificate of the host's own: set certificate and key too"},
      {"[[host]]\nname = \"a\"\n[[host]]\nname = \"A\"",
       "c.toml:4: host[1].name: \"a\" names a host already: each name is that of one host"},
      {"[server]\nhosts = [\"a\"]\n[[host]]\nname = [\"b\", \"a\"]",
       "c.toml:4: host[0].name: \"a\" names a host already: each name is that of one host"},
      {"[[user]]\nname = \"a\"\nroot = \"r\"\npassword = \"secret\"",
       "c.toml:4: user[0].password: must be a crypt(3) hash, never the password itself; \"build/millrace passwd\" "
       "prints a hash"},
  }));
  CAPTURE(text);
  CHECK(mistakes(text) == std::vector{message});
}

TEST_CASE("passive_ports is a range", "[config]") {
  const std::string bad =
      GENERATE("", "50000", "50000-", "-50999", "50999-50000", "0-2000", "1023-2000", "50000-65536", "50000 - 50999",
               "50000-50999 ", "+1024-2000", "a-b", "1024-2000-3000", "1024-99999999999999999999");
  CAPTURE(bad);
  CHECK(mistakes(fmt::format("[data]\npassive_ports = \"{}\"", bad)).size() == 1);
  CHECK(mistakes("[listen]\ncontrol = [\"0.0.0.0:21\"]\n[data]\npassive_ports = \"1024-65535\"").empty());
}

TEST_CASE("passive_address is auto or IPv4", "[config]") {
  const std::string bad = GENERATE("", "Auto", "2001:db8::1", "ftp.example.org", "192.0.2.1:21");
  CHECK(mistakes(fmt::format("[data]\npassive_address = \"{}\"", bad)).size() == 1);
}

TEST_CASE("a password in plain text is found", "[config]") {
  const std::string bad =
      GENERATE("secret", "twelve-chars", "fourteen-chars", "thirteen char", "$ecret", "$", "$$", "_short");
  CAPTURE(bad);
  CHECK(mistakes(fmt::format("[[user]]\nname = \"a\"\nroot = \"r\"\npassword = \"{}\"", bad)).size() == 1);
}

TEST_CASE("a user needs a name, a password and a root", "[config]") {
  CHECK(mistakes("\n[[user]]\n") ==
        std::vector<std::string>{
            "c.toml:2: user[0].name: a [[user]] needs a name",
            "c.toml:2: user[0].password: a [[user]] needs a password: \"build/millrace passwd\" prints a hash; \"\" "
            "lets anyone in",
            "c.toml:2: user[0].root: a [[user]] needs a root, the directory that the user sees as \"/\"",
        });
}

TEST_CASE("two users cannot have one name", "[config]") {
  CHECK(mistakes(std::string(demo) + std::string(demo)) ==
        std::vector<std::string>{"c.toml:6: user[1].name: \"demo\" is the name of an earlier [[user]]"});
}

TEST_CASE("all mistakes are told at once, in the order of their lines", "[config]") {
  const std::vector<std::string> found = mistakes(
      "[tls]\n"
      "require = \"data\"\n"
      "[limits]\n"
      "sessions = -1\n"
      "idle_timeout = 5\n"
      "[data]\n"
      "active = 1\n");
  REQUIRE(found.size() == 4);
  CHECK(found[0].starts_with("c.toml:2: tls.require: "));
  CHECK(found[1].starts_with("c.toml:4: limits.sessions: "));
  CHECK(found[2].starts_with("c.toml:5: limits.idle_timeout: "));
  CHECK(found[3].starts_with("c.toml:7: data.active: "));
}

TEST_CASE("text that is no TOML is told with its line", "[config]") {
  const std::string bad = GENERATE("\n[data\n", "\n= 5", "\na = ", "\na = \"open", "[data]\n[data]\n", "\n\xff\xfe",
                                   "[data]\nactive = true active = false");
  CAPTURE(bad);
  const std::vector<std::string> found = mistakes(bad);
  REQUIRE(found.size() == 1);
  CHECK(found[0].starts_with("c.toml:"));
  CHECK(found[0][7] != '0');
}

TEST_CASE("an error of the whole file has no line", "[config]") {
  CHECK(core::to_string({.file = "c.toml", .line = 0, .key = "", .what = "cannot be read"}) ==
        "c.toml: cannot be read");
  CHECK(core::to_string({.file = "c.toml", .line = 3, .key = "", .what = "w"}) == "c.toml:3: w");
}
