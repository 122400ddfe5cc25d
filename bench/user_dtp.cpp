// Sinks, the source of noise, and the token bucket of a held stream.
#include "bench/user_dtp.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace bench {
namespace {

// One call drops so much at most, so that one stream does not hold up the others.
constexpr std::size_t discarded_a_turn = 4 * 1024 * 1024;

// A held stream reads in portions, and its window must hold two of them, or it would hold itself back.
constexpr io::Time pace_interval = 200 * io::millisecond;
constexpr double portion_s = static_cast<double>(pace_interval) / io::second;
constexpr double smallest_window = 32 * 1024, largest_window = 4 * 1024 * 1024;

// What uploads consist of: small enough for the processor's cache, and nothing a server could compress or skip.
const std::vector<char>& noise() {
  static const std::vector<char> octets = [] {
    std::mt19937_64 random{1};
    std::vector<char> made(256 * 1024);
    for (char& octet : made) octet = static_cast<char>(random());
    return made;
  }();
  return octets;
}

}  // namespace

UserDtp::UserDtp(Context& context, UserDtpOwner& owner, TlsSession* session)
    : context_(context), owner_(owner), connection_(context, context.data_buffers, *this), session_(session) {
  pace_timer_.bind<&UserDtp::on_pace>(*this);
}

void UserDtp::prepare(Sink sink, double rate, io::Time first_read) {
  sink_ = sink;
  octets_ = left_ = 0;
  has_sent_all_ = false;
  checksum_ = {};
  text_.clear();
  decoder_.reset();
  rate_ = rate;
  behind_ = false;
  if (rate <= 0) return;
  filled_ = context_.reactor.now();
  allowance_ = 0;
  context_.reactor.arm(pace_timer_, filled_ + first_read % pace_interval);
}

void UserDtp::connect(const io::Address& to, const io::Address* from) {
  secure();
  const double window = rate_ > 0 ? std::clamp(rate_ * portion_s * 2, smallest_window, largest_window) : 0;
  connection_.connect(to, from, static_cast<int>(window));
}

std::expected<io::Address, int> UserDtp::listen(const io::Address& at) {
  secure();
  return connection_.listen(at);
}

// The sessions of the control connection are resumed; those that data connections are offered are not kept.
void UserDtp::secure() {
  if (session_ != nullptr) connection_.secure(*session_, false);
}

void UserDtp::receive() {
  if (rate_ > 0) return;  // the timer reads
  if (sink_ == Sink::discard) return connection_.discard(discarded_a_turn);
  connection_.receive();
}

void UserDtp::close() {
  context_.reactor.disarm(pace_timer_);
  connection_.close();
}

// ---- Receiving ----

void UserDtp::on_received(std::span<const char> octets) {
  octets_ += octets.size();
  owner_.on_data_octets(octets.size());
  switch (sink_) {
    case Sink::discard:
    case Sink::copy: break;
    case Sink::check: checksum_.add(octets); break;
    case Sink::keep: text_.append(octets.begin(), octets.end()); break;
    case Sink::blocks:
      if (!decode(octets)) return owner_.on_data_end(*this, EBADMSG);
  }
  if (is_open()) connection_.receive();
}

// Files behind each other, each with a codec of its own. False: these are no blocks.
bool UserDtp::decode(std::span<const char> octets) {
  constexpr core::Representation blocks{.type = core::Type::image, .mode = core::Mode::block};
  static thread_local std::array<char, 64 * 1024> decoded;
  while (is_open()) {
    if (!decoder_) decoder_ = core::make_decoder(blocks);
    const core::Progress done = decoder_->run(octets, decoded, core::mark::none);
    if (done.error != 0) return false;
    const auto made = std::span<const char>(decoded).first(done.made);
    octets = octets.subspan(done.taken);
    left_ += made.size();  // of this file
    checksum_.add(made);
    if ((done.marks & core::mark::end_of_file) != 0) {
      const Copy file{left_, checksum_.value()};
      decoder_.reset();
      left_ = 0;
      checksum_ = {};
      owner_.on_file(file);
    } else if (done.idle()) {
      break;
    }
    if (octets.empty() && !decoder_) break;
  }
  return true;
}

void UserDtp::on_discarded(std::size_t octets, bool end) {
  octets_ += octets;
  allowance_ -= static_cast<double>(octets);
  if (octets > 0) owner_.on_data_octets(octets);
  if (end) return owner_.on_data_end(*this, 0);
  if (is_open()) receive();
}

void UserDtp::on_end(int error) { owner_.on_data_end(*this, error); }

// The bucket holds what may be read. Octets that are there and not read wait in the window, which closes: so the
// server is held to the rate. What the server does not deliver piles up in the bucket instead.
void UserDtp::on_pace() {
  const io::Time now = context_.reactor.now();
  allowance_ += rate_ * static_cast<double>(now - filled_) / io::second;
  filled_ = now;
  context_.reactor.arm(pace_timer_, now + pace_interval);
  if (allowance_ > rate_ + rate_ * portion_s) {
    behind_ = true;
    allowance_ = rate_;
  }
  if (is_open() && connection_.may_read() && allowance_ >= 1) connection_.discard(static_cast<std::size_t>(allowance_));
}

// ---- Sending ----

void UserDtp::send(std::uint64_t octets) {
  left_ = octets;
  send_some();
}

void UserDtp::send_some() {
  has_sent_all_ = left_ == 0;
  if (has_sent_all_) return connection_.finish();
  connection_.send(std::span<const char>(noise()).first(std::min<std::uint64_t>(left_, noise().size())));
}

void UserDtp::on_sent(std::size_t octets) {
  octets_ += octets;
  left_ -= octets;
  owner_.on_data_octets(octets);
  if (is_open()) send_some();
}

}  // namespace bench
