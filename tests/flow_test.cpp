// Codec flows with a slow codec: its work is a thread's, in small pieces, and the loop goes on meanwhile.
#include "net/flow.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "io/backend.hpp"
#include "tests/catch.hpp"

namespace {

/// What is seen of a codec's runs, by whichever thread does them.
struct Seen {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::size_t most_in = 0, most_out = 0;
  std::atomic<bool> working{false};
  std::atomic<int> runs{0};
};

/// Octets as they are, slowly.
class SlowCodec final : public core::Codec {
 public:
  explicit SlowCodec(Seen& seen) : seen_(seen) {}
  core::Progress run(std::span<const char> in, std::span<char> out, core::Marks behind) override {
    seen_.working = true;
    ++seen_.runs;
    {
      const std::lock_guard lock(seen_.mutex);
      seen_.threads.insert(std::this_thread::get_id());
      seen_.most_in = std::max(seen_.most_in, in.size());
      seen_.most_out = std::max(seen_.most_out, out.size());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::size_t size = std::min(in.size(), out.size());
    std::copy_n(in.begin(), size, out.begin());
    seen_.working = false;
    return {.taken = size, .made = size, .marks = size == in.size() ? behind : core::mark::none};
  }
  bool is_slow() const override { return true; }

 private:
  Seen& seen_;
};

struct Place final : net::FlowOwner {
  explicit Place(const char* name) : backend(io::make_backend(name, {}).value().backend), reactor(*backend) {
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets) == 0);
    file = memfd_create("flow", MFD_CLOEXEC);
    REQUIRE(file >= 0);
    tick.bind<&Place::on_tick>(*this);
  }
  ~Place() override {
    reactor.disarm(tick);
    reactor.join();
    for (const int fd : {sockets[0], sockets[1], file}) ::close(fd);
  }

  void on_flow_end(const net::FlowEnd& how) override { ended = how; }
  void on_call_done(io::Op&) { called = true; }
  bool on_flow_marker(std::string_view, std::string_view) override { return true; }
  /// The loop has a turn of its own while a thread is at work.
  void on_tick() {
    if (seen.working) ++turns_meanwhile;
    reactor.arm(tick, reactor.now() + io::millisecond);
  }
  std::string received() {
    std::string all;
    char part[4096];
    for (ssize_t n; (n = ::recv(sockets[1], part, sizeof part, 0)) > 0;) all.append(part, static_cast<std::size_t>(n));
    return all;
  }
  net::FlowEnds ends() { return {.owner = *this, .socket = sockets[0], .file = file}; }

  std::unique_ptr<io::Backend> backend;
  io::Reactor reactor;
  io::BufferPool buffers{256 * 1024, 2};
  io::Timer tick;
  Seen seen;
  int sockets[2] = {-1, -1}, file = -1;
  int turns_meanwhile = 0;
  bool called = false;
  std::optional<net::FlowEnd> ended;
};

const std::string content(200'000, 'x');

}  // namespace

TEST_CASE("a slow codec works on a thread, a small piece at a time, and the loop goes on", "[flow][contents][MZ-07]") {
  Place place(GENERATE("epoll", "io_uring"));
  REQUIRE(::write(place.file, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  const auto flow = net::make_codec_send(place.reactor, place.ends(), place.buffers,
                                         std::make_unique<SlowCodec>(place.seen), {.size = content.size()});
  REQUIRE(flow->ready());
  place.reactor.arm(place.tick, place.reactor.now());
  flow->start();
  std::string got;
  while (!place.ended) {
    place.reactor.turn(place.reactor.now() + 10 * io::millisecond);
    got += place.received();
  }
  got += place.received();
  CHECK(place.ended->error == 0);
  CHECK((got == content));
  CHECK(place.seen.threads.count(std::this_thread::get_id()) == 0);
  CHECK(place.seen.most_in <= 16 * 1024);
  CHECK(place.seen.most_out <= 64 * 1024);
  CHECK(place.turns_meanwhile > 5);
}

TEST_CASE("a flow that is cancelled while a thread works on it ends once, behind the thread", "[flow][contents]") {
  Place place(GENERATE("epoll", "io_uring"));
  const auto flow = net::make_codec_receive(place.reactor, place.ends(), place.buffers,
                                            std::make_unique<SlowCodec>(place.seen), std::nullopt);
  REQUIRE(::send(place.sockets[1], content.data(), 50'000, 0) > 0);
  flow->start();
  while (!place.seen.working) place.reactor.turn(place.reactor.now() + io::millisecond);
  flow->cancel();
  while (!place.ended) place.reactor.turn(place.reactor.now() + 10 * io::millisecond);
  CHECK(place.ended->error == ECANCELED);
  CHECK_FALSE(place.seen.working);
  CHECK(place.reactor.in_flight() == 0);
}

TEST_CASE("however many flows compress, all else finds a thread", "[flow][contents][MZ-07]") {
  constexpr std::size_t count = 40;
  Place place(GENERATE("epoll", "io_uring"));
  REQUIRE(::write(place.file, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  io::BufferPool buffers{1024, 2 * count};
  std::vector<std::unique_ptr<net::Flow>> flows;
  for (std::size_t i = 0; i < count; ++i) {
    flows.push_back(net::make_codec_send(place.reactor, place.ends(), buffers, std::make_unique<SlowCodec>(place.seen),
                                         {.size = content.size()}));
    flows.back()->start();
  }
  struct Call {
    std::atomic<int>& runs;
    int met = 0;
  } call{place.seen.runs};
  io::Op op;  // as a password is verified
  op.bind<&Place::on_call_done>(place);
  op.call(
      [](void* to) {
        auto& self = *static_cast<Call*>(to);
        self.met = self.runs;
        return 0;
      },
      &call);
  const int asked = place.seen.runs;
  place.reactor.submit(op);
  while (!place.called) place.reactor.turn(place.reactor.now() + 10 * io::millisecond);
  CHECK(call.met < asked + 5);
  while (place.seen.runs < call.met + 5)  // they go on, too
    place.reactor.turn(place.reactor.now() + 10 * io::millisecond);
  for (const auto& flow : flows) flow->cancel();
  while (place.reactor.in_flight() > 0) place.reactor.turn(place.reactor.now() + 10 * io::millisecond);
}

// Counted in the flow: behind 10,000 octets, 20 for each that came, whatever made them.
TEST_CASE("an upload becomes no more than it may, in whatever TYPE and MODE", "[flow][contents][MZ-07]") {
  const core::Mode mode = GENERATE(core::Mode::stream, core::Mode::block, core::Mode::compressed, core::Mode::deflate);
  const unsigned byte_size = GENERATE(1u, 8u);
  const core::Representation as{.type = core::Type::local, .byte_size = byte_size, .mode = mode};
  CAPTURE(letter(mode), byte_size);
  const auto encoder = core::make_encoder(as);
  const std::string zeros(1'000'000, '\0');
  std::string sent(2'000'000, '\0');
  const core::Progress encoded = encoder->run(zeros, sent, core::mark::end_of_file);
  REQUIRE(encoded.marks == core::mark::end_of_file);
  sent.resize(encoded.made);
  const bool too_much = zeros.size() > 10'000 + 20 * sent.size();

  Place place(GENERATE("epoll", "io_uring"));
  net::FlowEnds ends = place.ends();
  ends.growth = {.ratio = 20, .free = 10'000};
  const auto flow = net::make_codec_receive(place.reactor, ends, place.buffers, core::make_decoder(as), std::nullopt);
  flow->start();
  std::string_view left = sent;
  while (!place.ended) {
    const ssize_t count = left.empty() ? 0 : ::send(place.sockets[1], left.data(), left.size(), MSG_DONTWAIT);
    if (count > 0) left.remove_prefix(static_cast<std::size_t>(count));
    if (left.empty()) ::shutdown(place.sockets[1], SHUT_WR);
    place.reactor.turn(place.reactor.now() + io::millisecond);
  }
  CHECK(place.ended->error == (too_much ? EOVERFLOW : 0));
  CHECK(place.ended->file_failed == too_much);
  CHECK(flow->written() <= static_cast<std::int64_t>(10'000 + 20 * sent.size()));
  CHECK(too_much == (mode == core::Mode::compressed || mode == core::Mode::deflate));
}

TEST_CASE("the bound on an upload's growth: free octets, then so many for each, or none at all", "[flow]") {
  const net::Growth growth{.ratio = 250, .free = 1000};
  CHECK(growth.admits(1000, 0));
  CHECK_FALSE(growth.admits(1250, 0));
  CHECK(growth.admits(1250, 1));
  CHECK_FALSE(growth.admits(1500, 1));
  CHECK(net::Growth{.ratio = 0, .free = 0}.admits(UINT64_MAX, 0));
}
