// The session: entering, losing, leaving; and replies to where they belong. Operations are in user_operations.cpp.
#include "bench/user.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bench {
namespace {

constexpr unsigned attempts_to_enter = 3;
constexpr io::Time pause_before_entering_again = 100 * io::millisecond;
constexpr unsigned slot_shift = 8;  // of a purpose: the step is below

}  // namespace

User::User(Group& group, std::uint64_t number)
    : group_(group), number_(number), entry_(group.terms().entry), pi_(group.context(), *this) {
  timer_.bind<&User::on_timer>(*this);
  operations_.resize(load().depth);
  const bool transfers = scenario().act != Act::login && scenario().act != Act::ping;
  const auto make_dtp = [this] {
    TlsSession* session = group_.terms().options.protects_data() ? &session_ : nullptr;
    return std::make_unique<UserDtp>(group_.context(), static_cast<UserDtpOwner&>(*this), session);
  };
  if (transfers && in_blocks()) blocks_ = make_dtp();
  if (transfers && !in_blocks())
    for (Operation& operation : operations_) operation.dtp = make_dtp();
  if (const auto network = core::parse_network(load().source)) {
    source_ = nth_host(*network, number);
    has_source_ = true;
  }
}

bool User::is_free() const {
  const bool can_enter = scenario().act == Act::login && state_ == State::away && !timer_.armed();
  const bool there = state_ == State::ready || can_enter;
  return there && !std::ranges::all_of(operations_, &Operation::busy);
}

// ---- Entering ----

void User::enter() {
  state_ = State::entering;
  touch();
  entry_ = Entry(group_.terms().entry);
  if (group_.terms().options.tls == "implicit") pi_.secure(session_);
  pi_.connect(group_.terms().server, has_source_ ? &source_ : nullptr, static_cast<std::uint32_t>(Step::entry));
}

void User::ask(Step step, std::string_view verb, std::string_view argument, std::uint32_t slot) {
  pi_.ask(verb, argument, static_cast<std::uint32_t>(step) | slot << slot_shift);
}

// After each reply until the user is in.
void User::on_entry_reply(const Asked& asked, core::Next next, const Reply& reply) {
  if (next == core::Next::wait) return;
  if (!Entry::may_go_on(asked.verb(), next)) {
    give_up_ = reply.code >= 500;  // a 4yz may pass
    return lose(error_kind::login, fmt::format("{} answered with \"{}\"", asked.verb(), reply.line));
  }
  if (asked.verb() == "AUTH") pi_.secure(session_);
  const EntryLine* line = entry_.after(asked.verb(), next);
  if (line == nullptr) return become_ready();
  ask(Step::entry, line->verb, line->argument);
}

void User::become_ready() {
  failures_ = 0;
  if (scenario().act == Act::login) {
    pi_.expect_end();
    return ask(Step::quit, "QUIT");
  }
  state_ = State::ready;
  group_.on_entered(*this);
}

// ---- Replies ----

void User::on_reply(const Asked& asked, core::Next next, const Reply& reply) {
  touch();
  const auto step = static_cast<Step>(asked.purpose & ((1U << slot_shift) - 1));
  Operation& operation = operations_[asked.purpose >> slot_shift];
  switch (step) {
    case Step::endpoint: on_endpoint_reply(operation, next, reply); break;
    case Step::transfer: on_transfer_reply(operation, next, reply); break;
    case Step::remove: on_remove_reply(operation, next, reply); break;
    case Step::noop: on_noop_reply(operation, next, reply); break;
    case Step::quit: close_all(); break;
    case Step::entry: on_entry_reply(asked, next, reply);
  }
  pi_.flush();
}

// ---- Leaving ----

bool User::fell_behind() const {
  return fell_behind_ ||
         std::ranges::any_of(operations_, [](const Operation& o) { return o.dtp && o.dtp->fell_behind(); });
}

void User::forget_behind() {
  fell_behind_ = false;
  for (Operation& operation : operations_)
    if (operation.dtp) operation.dtp->forget_behind();
}

void User::on_lost(std::string_view kind, const std::string& what) {
  if (!kind.empty()) return lose(kind, what);
  if (scenario().act == Act::login && pi_.unanswered() > 0) return lose(error_kind::closed, "closed without 221");
  close_all();
}

// The session is of no more use, and with it what was under way.
void User::lose(std::string_view kind, const std::string& what) {
  if (state_ == State::closing || state_ == State::gone) return;
  if (state_ != State::leaving) {
    const auto lost = std::ranges::count_if(operations_, [](const Operation& o) { return o.busy && !o.failed; });
    group_.count_error(kind, what, static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(lost, 1)));
    for (Operation& operation : operations_) operation.failed = true;
    ++failures_;
  } else {
    give_up_ = true;
  }
  close_all();
}

void User::close_all() {
  if (state_ == State::leaving) give_up_ = true;
  state_ = State::closing;
  closing_all_ = true;
  pi_.close();
  if (blocks_) blocks_->close();
  for (Operation& operation : operations_)
    if (operation.dtp) operation.dtp->close();
  closing_all_ = endpoint_asked_ = false;
  settle();
}

// Once nothing is open any more: what was under way has ended, and the user comes back or not.
void User::settle() {
  const auto is_closed = [](const Operation& operation) { return !operation.dtp || operation.dtp->is_closed(); };
  if (closing_all_ || state_ != State::closing || !pi_.is_closed() || (blocks_ && !blocks_->is_closed())) return;
  if (!std::ranges::all_of(operations_, is_closed)) return;
  files_.clear();
  answered_.clear();
  group_.context().reactor.disarm(timer_);
  const bool comes_back = !give_up_ && failures_ < attempts_to_enter;
  state_ = comes_back ? State::away : State::gone;
  for (Operation& operation : operations_) {
    if (!operation.busy) continue;
    if (!operation.failed) group_.count_operation(operation.intended);  // login: the session was the operation
    operation.busy = false;
    group_.on_ended(1);
  }
  if (!comes_back) return group_.on_gone();
  if (scenario().act != Act::login || failures_ > 0) {
    group_.context().reactor.arm(timer_, group_.context().reactor.now() + pause_before_entering_again);
  } else {
    group_.on_free(*this);
  }
}

void User::leave() {
  if (state_ == State::closing) give_up_ = true;
  if (state_ == State::closing || state_ == State::gone) return;
  if (state_ != State::ready) return drop();
  state_ = State::leaving;
  for (Operation& operation : operations_) {
    operation.failed = true;
    if (operation.busy && operation.dtp) operation.dtp->close();
  }
  if (blocks_) blocks_->close();
  quit_if_idle();
}

void User::quit_if_idle() {
  if (state_ != State::leaving || pi_.unanswered() > 0) return;
  pi_.expect_end();
  ask(Step::quit, "QUIT");
  pi_.flush();
}

void User::drop() {
  give_up_ = true;
  if (state_ == State::closing || state_ == State::gone) return;
  for (Operation& operation : operations_) operation.failed = true;
  close_all();
}

// ---- Time ----

void User::touch() {
  const io::Time now = group_.context().reactor.now();
  progress_ = now;
  if (timer_.armed()) return;  // it looks at progress_ when it fires
  const auto patience = static_cast<io::Time>(group_.terms().options.timeout_s * io::second);
  group_.context().reactor.arm(timer_, now + patience);
}

void User::on_timer() {
  const bool waits =
      state_ == State::entering || pi_.unanswered() > 0 || std::ranges::any_of(operations_, &Operation::busy);
  const auto patience = static_cast<io::Time>(group_.terms().options.timeout_s * io::second);
  if (state_ == State::away) {
    if (scenario().act != Act::login) return enter();
    return group_.on_free(*this);
  }
  if (!waits) return;
  if (group_.context().reactor.now() >= progress_ + patience)
    return lose(error_kind::timeout, fmt::format("nothing came for {} s, waiting for {}",
                                                 group_.terms().options.timeout_s, pi_.waits_for()));
  group_.context().reactor.arm(timer_, progress_ + patience);
}

}  // namespace bench
