// The transcripts against the real server: the same lines as on the PI alone, over real sockets.
#include "tests/transcript.hpp"

#include <optional>

#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using std::string;

namespace {

ServerOptions world_of_transcripts(const string& backend) {
  const string to_read = R"(["list", "read"])";
  return {.backend = backend,
          .settings = {"limits.login_failure_delay_ms = 50"},
          .users = {User{},
                    {.name = "reader", .allow = to_read},
                    {.name = "keeper", .account = "vault"},
                    {.name = "guest", .password = ""}},
          .anonymous = true};
}

class LiveTalker final : public tests::Talker {
 public:
  explicit LiveTalker(const string& backend) : server_(world_of_transcripts(backend)) {}

  void make_file(const string& path, std::uint64_t size) override {
    write_file(server_.root().string() + path, string(size, 'x'));
  }
  void make_directory(const string& path) override {
    std::filesystem::create_directory(server_.root().string() + path);
  }
  void connect() override { client_.emplace(server_); }

  void send_line(std::string_view line) override { client_->send(line); }
  std::optional<string> next_line() override {
    try {
      const string line = client_->line();
      if (line.starts_with("227 ") || line.starts_with("229 ")) {
        passive_port_ = port_in(line);
        listener_.reset();
      }
      return line;
    } catch (const std::exception&) {  // no line came, or the end
      return std::nullopt;
    }
  }
  bool closed() override { return client_->control().receive().empty(); }

  void open_data() override { data_ = listener_ ? listener_->accept() : client_->connect_to(passive_port_); }
  std::uint64_t receive_data() override {
    if (!data_.open()) open_data();
    return std::exchange(data_, Socket()).receive_all().size();
  }
  void send_data(std::uint64_t size) override {
    if (!data_.open()) open_data();
    std::exchange(data_, Socket()).send(string(size, 'x'));
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
  LiveServer server_;
  std::optional<FtpClient> client_;
  std::optional<Listener> listener_;
  std::uint16_t passive_port_ = 0;
  Socket data_;
};

}  // namespace

TEST_CASE("every transcript goes as written on the real server", "[live][transcript]") {
  const string backend = GENERATE("io_uring", "epoll");
  for (const tests::Transcript& transcript : tests::all_transcripts()) {
    LiveTalker talker(backend);
    if (const auto wrong = play(transcript, talker)) FAIL_CHECK(*wrong);
  }
}
