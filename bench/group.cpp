// Entering, the schedule, and the end.
#include "bench/group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bench/user.hpp"

namespace bench {
namespace {

// More at once would overflow the server's queue of connections to accept, and measure that.
constexpr std::size_t entering_most = 32;

}  // namespace

Group::Group(Context& context, const Terms& terms, const Share& share)
    : context_(context), terms_(terms), share_(share), next_name_(share.first) {
  for (std::uint64_t i = 0; i < share.count; ++i)
    users_.push_back(std::make_unique<User>(*this, share.first + i * share.stride));
}

Group::~Group() = default;

// ---- Entering ----

void Group::let_in() {
  if (terms_.load.scenario->act == Act::login) {  // entering is what is measured
    in_ = called_in_ = users_.size();
    return;
  }
  let_some_in();
}

void Group::let_some_in() {
  while (called_in_ < users_.size() && called_in_ - in_ - gone_ < entering_most) users_[called_in_++]->enter();
}

bool Group::all_in() const { return in_ + gone_ >= users_.size(); }

void Group::on_entered(User& user) {
  if (begin_ != io::never) return on_free(user);  // it was thrown out meanwhile
  ++in_;
  let_some_in();
}

void Group::on_gone() {
  ++gone_;
  if (begin_ != io::never) return end_if_done();
  let_some_in();
}

// ---- The schedule ----

void Group::begin(io::Time at, io::Time measured_from, io::Time until) {
  begin_ = at;
  measured_from_ = measured_from;
  until_ = terms_.load.operations > 0 ? io::never : until;
  statistics_.sessions = in_ - std::min(in_, gone_);
  for (const auto& user : users_) on_free(*user);
  on_time();
}

io::Time Group::due(std::uint64_t n) const {
  return begin_ + static_cast<io::Time>((static_cast<double>(n) + share_.phase) / share_.rate * io::second);
}

// The moment at which the next operation should begin, if that is not in the future.
std::optional<io::Time> Group::take() {
  const io::Time now = context_.reactor.now();
  if (done_ || taken_ >= share_.operations || begin_ > now) return std::nullopt;
  const io::Time intended = open_loop() ? due(taken_) : now;
  if (intended > now || intended >= until_) return std::nullopt;
  ++taken_;
  ++running_;
  return intended;
}

void Group::on_free(User& user) {
  if (begin_ == io::never) return;
  if (open_loop()) return queue(user);
  while (user.is_free()) {
    const auto intended = take();
    if (!intended) break;
    user.start(*intended);
  }
}

void Group::queue(User& user) {
  if (std::exchange(user.queued, true)) return;
  free_.push_back(&user);
}

// Round and round, so that all sessions are used.
void Group::give_due() {
  while (!free_.empty()) {
    User& user = *free_.front();
    if (user.is_free()) {
      const auto intended = take();
      if (!intended) return;
      user.start(*intended);
    }
    free_.pop_front();
    user.queued = false;
    if (user.is_free()) queue(user);
  }
}

io::Time Group::next_due() const {
  if (done_) return io::never;
  const io::Time now = context_.reactor.now();
  io::Time next = counting_ ? io::never : measured_from_;
  if (until_ > now) next = std::min(next, until_);
  if (now < begin_) next = std::min(next, begin_);
  if (open_loop() && taken_ < share_.operations && due(taken_) < until_ && due(taken_) > now)
    next = std::min(next, due(taken_));
  return next;
}

void Group::on_time() {
  const io::Time now = context_.reactor.now();
  if (done_) return;
  if (!counting_ && now >= measured_from_) {
    counting_ = true;
    statistics_.restart();
    for (const auto& user : users_) user->forget_behind();
  }
  if (open_loop()) {
    give_due();
  } else if (taken_ == 0 && now >= begin_) {
    for (const auto& user : users_) on_free(*user);
  }
  end_if_done();
}

// ---- The end ----

void Group::on_ended(std::uint64_t count) {
  running_ -= count;
  end_if_done();
}

void Group::end_if_done() {
  if (done_ || begin_ == io::never) return;
  const io::Time now = context_.reactor.now();
  const bool all_given = taken_ >= share_.operations || (open_loop() && due(taken_) >= until_);
  if (gone_ == users_.size()) return end();
  if (all_given && running_ == 0 && (now >= until_ || until_ == io::never)) return end();
  if (now < until_) return;
  if (!open_loop()) return end();
  // What is due is still to be done, late as it is: its latency is what open loop is about.
  const auto patience = static_cast<io::Time>(terms_.options.timeout_s * io::second);
  if (now < until_ + patience) return;
  const auto due_in_all = static_cast<std::uint64_t>(static_cast<double>(until_ - begin_) / io::second * share_.rate);
  const std::uint64_t left = running_ + std::min(due_in_all, share_.operations) - std::min(taken_, due_in_all);
  if (left > 0) count_error(error_kind::unfinished, fmt::format("{} operations were due and not done", left), left);
  end();
}

void Group::end() {
  done_ = true;
  ended_ = std::min(context_.reactor.now(), until_);
  for (const auto& user : users_)
    if (user->fell_behind()) ++statistics_.behind;
  counting_ = false;
}

void Group::send_home() {
  for (const auto& user : users_) user->leave();
}

void Group::drop() {
  for (const auto& user : users_) user->drop();
}

// ---- Counting ----

void Group::count_operation(io::Time intended) {
  if (!counting_ || (open_loop() && intended < measured_from_)) return;
  ++statistics_.operations;
  statistics_.latency.record(context_.reactor.now() - intended);
}

void Group::count_error(std::string_view kind, std::string_view example, std::uint64_t times) {
  if (!done_) statistics_.count_error(kind, example, times);
}

void Group::check_copy(std::string_view name, const Copy& copy) {
  if (!done_) statistics_.check_copy(name, copy);
}

const std::string& Group::next_name() {
  const std::vector<std::string>& names = terms_.load.names;
  const std::string& name = names[next_name_ % names.size()];
  next_name_ += share_.stride;
  return name;
}

}  // namespace bench
