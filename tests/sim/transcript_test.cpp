// The transcripts in the simulator: the whole server, a client on another machine, and no clock but the world's.
#include "tests/transcript.hpp"

#include <crypt.h>
#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <optional>
#include <vector>

#include "net/convert.hpp"
#include "net/server.hpp"
#include "tests/catch.hpp"
#include "tests/pi_world.hpp"
#include "tests/sim/sim_world.hpp"

namespace {

using tests::Mishap;

constexpr std::uint16_t control_port = 2121, first_passive_port = 50000, last_passive_port = 50003;
constexpr const char *root = "/srv", *archive = "/archive";
// What has not come after this is not coming; the server waits for data connections half as long.
constexpr sim::Limits patience{.time = 60 * io::second};

// The accounts of the tests on the PI alone, with passwords that crypt(3) knows.
std::shared_ptr<const core::Config> world_of_transcripts() {
  auto config = std::make_shared<core::Config>();
  config->listen.control = {*core::parse_endpoint(fmt::format("0.0.0.0:{}", control_port))};
  config->uploads = tests::world_config().uploads;
  config->data.passive_ports = {first_passive_port, last_passive_port};
  crypt_data data{};
  const std::string secret = crypt_r("secret", "$5$rounds=1000$transcripts$", &data);
  const core::Accounts accounts = tests::world_config().accounts;
  for (core::Account account : accounts.all()) {
    account.root = root;
    for (core::Mount& mount : account.mounts) mount.root = archive;
    if (!account.password_hash.empty()) account.password_hash = secret;
    config->accounts.add(account);
  }
  return config;
}

class SimTalker final : public tests::Talker {
 public:
  explicit SimTalker(std::uint64_t seed)
      : world_(seed),
        log_("transcript", std::make_shared<spdlog::sinks::null_sink_mt>()),
        client_(world_.peer("10.0.0.9")) {
    log_.set_level(spdlog::level::off);
    world_.files().make_directory(root);
    world_.files().make_directory(archive);
    server_ = std::make_unique<net::Server>(world_.reactor(), log_, counts_, world_of_transcripts(), seed);
    REQUIRE_FALSE(server_->start());
  }

  /// Everything goes in good order when the client has gone.
  ~SimTalker() override {
    world_.stop_faults();
    if (control_) control_->close();
    data_.reset();
    CHECK(world_.run_until([&] { return server_->session_count() == 0; }));
    if (!draining_) drain();
    CHECK(world_.run_until([&] { return drained_; }));
    server_.reset();
    CHECK(world_.run_until([&] { return world_.reactor().in_flight() == 0; }));
  }

  void make_file(const std::string& path, std::uint64_t size) override {
    world_.files().make_file(root + path, std::string(size, 'x'));
  }
  void make_directory(const std::string& path) override { world_.files().make_directory(root + path); }

  void befall(Mishap mishap) override {
    sim::Faults faults{.slow_loop = 0, .late_cancels = 0};
    switch (mishap) {
      case Mishap::full_disk:
        world_.files().space().capacity = world_.files().space().used;
        world_.files().space().no_inode = true;
        return;
      case Mishap::failing_disk: faults.disk_errors = 1; return world_.set_faults(faults);
      case Mishap::no_descriptor: faults.no_descriptors = 1; return world_.set_faults(faults);
      case Mishap::no_passive_port:
        for (std::uint16_t port = first_passive_port; port <= last_passive_port; ++port)
          taken_.push_back(world_.peer("10.0.0.1").listen(port));
        return;
      case Mishap::drain: drain();
    }
  }

  /// Port U is listened on as well, where the server connects to without PORT or PASV.
  void connect() override {
    control_ = client_.connect(world_.address(control_port));
    port_u_ = client_.listen(control_->local().port());
  }

  void send_line(std::string_view line) override { control_->write(std::string(line) + "\r\n"); }

  std::optional<std::string> next_line() override {
    world_.run_until([&] { return control_->has_line() || control_->ended(); }, patience);
    if (!control_->has_line()) return std::nullopt;
    std::string line = control_->read_line();
    if (line.starts_with("227 ") || line.starts_with("229 ")) {
      passive_port_ = port_in(line);
      listener_.reset();
      data_.reset();
      unread_.clear();
    }
    return line;
  }

  bool closed() override {
    return world_.run_until([&] { return control_->at_end(); }, patience);
  }

  void open_data() override {
    if (const std::uint16_t port = std::exchange(passive_port_, 0); port != 0) {
      data_ = client_.connect(world_.address(port));
      CHECK(world_.run_until([&] { return data_->connected(); }, patience));
    } else {
      sim::SimListener& listener = listener_ ? *listener_ : *port_u_;
      CHECK(world_.run_until([&] { return listener.has_pending(); }, patience));
      data_ = listener.accept();
      listener_.reset();
    }
    REQUIRE(data_);
  }

  std::uint64_t receive_data() override {
    sim::SimConnection data = take_data();
    std::uint64_t size = 0;
    CHECK(world_.run_until([&] { return size += data.read().size(), data.ended(); }, patience));
    return size;
  }

  void send_data(std::uint64_t size) override {
    sim::SimConnection data = take_data();
    data.write(std::string(size, 'x'));
    data.close();
  }

  void give_data(std::string_view octets) override {
    if (!data_) open_data();
    data_->write(octets);
  }

  std::string take_data(std::size_t count) override {
    if (!data_) open_data();
    world_.run_until([&] { return unread_ += data_->read(), unread_.size() >= count || data_->ended(); }, patience);
    std::string part = unread_.substr(0, count);
    unread_.erase(0, part.size());
    return part;
  }

  void break_data() override { take_data().reset(); }

  void withhold_data() override {
    passive_port_ = 0;
    port_u_.reset();
    listener_.reset();
  }

  std::string own_port() override { return host_port(listener_.emplace(client_.listen()).address()); }
  std::string own_eprt() override {
    return fmt::format("|1|10.0.0.9|{}|", listener_.emplace(client_.listen()).address().port());
  }

 private:
  /// The port of "227 … (h1,h2,h3,h4,p1,p2)." or "229 … (|||port|)".
  static std::uint16_t port_in(const std::string& line) {
    const std::size_t begin = line.find('(') + 1;
    const std::string inside = line.substr(begin, line.find(')') - begin);
    if (line.starts_with("227 ")) return core::parse_host_port(inside).value().port;
    return static_cast<std::uint16_t>(std::stoul(inside.substr(3)));
  }
  static std::string host_port(const io::Address& address) { return core::host_port(net::to_endpoint(address)); }

  sim::SimConnection take_data() {
    if (!data_) open_data();
    sim::SimConnection data = *std::move(data_);
    data_.reset();
    return data;
  }

  void drain() {
    draining_ = true;
    server_->drain([this] { drained_ = true; });
  }

  sim::SimWorld world_;
  spdlog::logger log_;
  net::SharedCounts counts_ = net::SharedCounts::make(1, 100, 1).value();
  std::unique_ptr<net::Server> server_;
  bool draining_ = false, drained_ = false;
  sim::SimPeer client_;
  std::optional<sim::SimConnection> control_, data_;
  std::optional<sim::SimListener> port_u_, listener_;
  std::string unread_;  ///< of data_
  std::vector<sim::SimListener> taken_;
  std::uint16_t passive_port_ = 0;
};

}  // namespace

TEST_CASE("every transcript goes as written in the simulator", "[sim][transcript]") {
  sim::for_each_seed(4, [](std::uint64_t seed) {
    INFO("MILLRACE_SEED=" << seed);
    for (const tests::Transcript& transcript : tests::all_transcripts()) {
      INFO(transcript.name);
      SimTalker talker(seed);
      if (const auto wrong = play(transcript, talker)) FAIL_CHECK(*wrong);
    }
  });
}
