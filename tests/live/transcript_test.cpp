// The transcripts against the real server: the same lines as on the PI alone, over real sockets.
#include "tests/transcript.hpp"

#include <sys/resource.h>

#include <csignal>
#include <optional>
#include <system_error>
#include <vector>

#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using std::string;
using tests::Impossible;
using tests::Mishap;
using tests::Step;

namespace {

ServerOptions world_of(const tests::Transcript& transcript, const string& backend) {
  const string to_read = R"(["list", "read"])";
  ServerOptions options{.backend = backend,
                        .block_modes = "announced",
                        .settings = {"limits.login_failure_delay_ms = 50", "uploads.file_max_bytes = 1000000000"},
                        .users = {User{},
                                  {.name = "reader", .allow = to_read},
                                  {.name = "keeper", .account = "vault"},
                                  {.name = "guest", .password = ""},
                                  {.name = "lodger", .password = "", .account = "vault"},
                                  {.name = "clerk", .account = "vault", .more = "account_for = \"storing\""},
                                  {.name = "archivist", .more = "mounts = [\"archive={outside}\"]"}},
                        .anonymous = true,
                        .passive_ports = 10,
                        .own_disk = transcript.has(Step::Kind::world, "full disk")};
  if (transcript.has(Step::Kind::data, "never comes")) options.settings.emplace_back("data.connect_timeout_s = 1");
  return options;
}

class LiveTalker final : public tests::Talker {
 public:
  LiveTalker(const tests::Transcript& transcript, const string& backend) : server_(world_of(transcript, backend)) {}
  /// Whoever looks for leaks at the server's end opens files.
  ~LiveTalker() override { server_.limit_descriptors(RLIM_INFINITY); }

  void make_file(const string& path, std::uint64_t size) override {
    write_file(server_.root().string() + path, string(size, 'x'));
  }
  void make_directory(const string& path) override {
    std::filesystem::create_directory(server_.root().string() + path);
  }
  void befall(Mishap mishap) override {
    switch (mishap) {
      case Mishap::full_disk: return server_.disk().fill();
      case Mishap::failing_disk: throw Impossible("no disk here fails when it is told to");
      case Mishap::no_descriptor: return server_.limit_descriptors(0);
      case Mishap::no_passive_port:
        for (unsigned port = server_.first_passive_port(); port <= server_.last_passive_port(); ++port)
          taken_.emplace_back("127.0.0.1", static_cast<std::uint16_t>(port));
        return;
      case Mishap::drain:
        server_.signal(SIGTERM);
        REQUIRE(eventually([&] { return server_.log().find("draining") != string::npos; }));
    }
  }
  /// Port U is listened on as well: both sockets are bound before one connects and the other listens.
  void connect() override {
    Socket control = Socket::bound("127.0.0.1", 0);
    port_u_ = Socket::bound("127.0.0.1", control.local_port());
    control.connect_to("127.0.0.1", server_.port());
    port_u_.listen();
    client_.emplace(std::move(control));
  }

  void send_line(std::string_view line) override { client_->send(line); }
  std::optional<string> next_line() override {
    try {
      const string line = client_->line();
      if (line.starts_with("227 ") || line.starts_with("229 ")) {
        passive_port_ = port_in(line);
        listener_.reset();
        data_.close();
      }
      return line;
    } catch (const std::exception&) {  // no line came, or the end
      return std::nullopt;
    }
  }
  bool closed() override { return client_->control().receive().empty(); }

  void open_data() override {
    if (listener_) {
      data_ = listener_->accept();
    } else {
      data_ = passive_port_ != 0 ? client_->connect_to(passive_port_) : port_u_.accept();
    }
    listener_.reset();
    passive_port_ = 0;
  }
  std::uint64_t receive_data() override { return take_data().receive_all().size(); }
  void send_data(std::uint64_t size) override { take_data().send(string(size, 'x')); }
  void give_data(std::string_view octets) override {
    if (!data_.open()) open_data();
    data_.send(octets);
  }
  string take_data(std::size_t count) override {
    if (!data_.open()) open_data();
    return data_.receive_exactly(count);
  }
  void break_data() override { take_data().reset(); }
  void withhold_data() override {
    port_u_.close();
    listener_.reset();
    passive_port_ = 0;
  }
  string own_port() override {
    const Listener& listener = listener_.emplace("127.0.0.1");
    return host_port(listener.address(), listener.port());
  }
  string own_eprt() override {
    const Listener& listener = listener_.emplace("127.0.0.1");
    return "|1|" + listener.address() + "|" + std::to_string(listener.port()) + "|";
  }

 private:
  Socket take_data() {
    if (!data_.open()) open_data();
    return std::exchange(data_, Socket());
  }

  LiveServer server_;
  std::optional<FtpClient> client_;
  std::optional<Listener> listener_;
  std::vector<Listener> taken_;
  std::uint16_t passive_port_ = 0;
  Socket port_u_, data_;
};

}  // namespace

TEST_CASE("every transcript goes as written on the real server", "[live][transcript]") {
  const string backend = GENERATE("io_uring", "epoll");
  for (const tests::Transcript& transcript : tests::all_transcripts()) {
    try {
      LiveTalker talker(transcript, backend);
      if (const auto wrong = play(transcript, talker)) FAIL_CHECK(*wrong);
    } catch (const Impossible& why) {
      WARN(transcript.name << " is skipped: " << why.what());
    } catch (const std::system_error& why) {
      if (!transcript.has(Step::Kind::world, "full disk") || string(why.what()).find("mount") == string::npos) throw;
      WARN(transcript.name << " is skipped: " << why.what());
    }
  }
}
