// Operations: which command follows which reply, when octets may flow, and when it is over. An operation with a data
// connection ends when its final reply has come and its data connection is closed, in whichever order.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "bench/address.hpp"
#include "bench/user.hpp"
#include "net/convert.hpp"

namespace bench {
namespace {

// Servers of before 1998 know neither EPSV nor EPRT.
constexpr std::string_view passive_verbs[] = {"PASV", "EPSV"}, active_verbs[] = {"PORT", "EPRT"};

std::string_view transfer_verb(const Load& load) {
  switch (load.scenario->act) {
    case Act::store: return "STOR";
    case Act::list: return load.command;
    default: return "RETR";
  }
}

Sink sink_of(const Load& load) {
  if (load.scenario->mode == core::Mode::block) return Sink::blocks;
  if (load.verify) return Sink::check;
  return load.copy ? Sink::copy : Sink::discard;
}

}  // namespace

// ---- Beginning ----

void User::start(io::Time intended) {
  Operation& operation = *std::ranges::find(operations_, false, &Operation::busy);
  operation = Operation(std::move(operation.dtp));
  operation.intended = intended;
  operation.busy = true;
  touch();
  switch (scenario().act) {
    case Act::login: return enter();
    case Act::ping: ask(Step::noop, "NOOP", {}, slot_of(operation)); break;
    default: begin_transfer(operation);
  }
  pi_.flush();
}

void User::begin_transfer(Operation& operation) {
  if (scenario().act == Act::retrieve) {
    operation.name = group_.next_name();
  } else if (scenario().act == Act::list) {
    operation.name = load().path;
  } else {
    operation.name = fmt::format("{}{}millrace-bench-{}-{}-{}", load().path, load().path.ends_with('/') ? "" : "/",
                                 ::getpid(), number_, uploads_++);
  }
  if (!in_blocks()) {
    operation.dtp->prepare(sink_of(load()), load().stream_rate, static_cast<io::Time>(number_) * io::millisecond);
    open_data(operation, *operation.dtp);
    if (load().pipeline && !operation.replied) ask_transfer(operation);
    return;
  }
  if (blocks_->is_closed() && !endpoint_asked_) {
    blocks_->prepare(Sink::blocks);
    open_data(operation, *blocks_);
  }
  if (!operation.replied) ask_transfer(operation);
}

// Asks the server for an endpoint, or tells it one.
void User::open_data(Operation& operation, UserDtp& dtp) {
  endpoint_asked_ = true;
  if (load().data == "passive") return ask(Step::endpoint, passive_verbs[extended_], {}, slot_of(operation));
  if (dtp.is_closed()) {
    const auto at = dtp.listen(pi_.local_address());
    if (!at) {
      fail(operation, error_kind::data, fmt::format("cannot listen: {}", std::strerror(at.error())));
      operation.replied = true;
      return try_end(operation);
    }
    listening_ = net::to_endpoint(*at);
  }
  const std::string argument = extended_ ? eprt_argument(listening_) : core::host_port(listening_);
  ask(Step::endpoint, active_verbs[extended_], argument, slot_of(operation));
}

void User::ask_transfer(Operation& operation) {
  operation.asked = true;
  ask(Step::transfer, transfer_verb(load()), operation.name, slot_of(operation));
}

// ---- Replies ----

void User::on_endpoint_reply(Operation& operation, core::Next next, const Reply& reply) {
  UserDtp& dtp = in_blocks() ? *blocks_ : *operation.dtp;
  endpoint_asked_ = false;
  const bool given_up = operation.failed;
  if (next == core::Next::failure && !given_up) {
    if (std::exchange(extended_, false) && reply.code >= 500 && !operation.asked) return open_data(operation, dtp);
    fail(operation, error_kind::refused, fmt::format("no data connection: \"{}\"", reply.line));
  }
  if (!operation.failed && load().data == "passive") {
    const auto port = extended_ ? extended_passive_port(reply.text()) : passive_port(reply.text());
    if (!port) return lose(error_kind::protocol, fmt::format("no port in \"{}\"", reply.line));
    io::Address to = group_.terms().server;
    to.set_port(*port);
    dtp.connect(to, has_source_ ? &source_ : nullptr);
  }
  if (operation.asked || state_ == State::closing) return;
  if (!operation.failed) return ask_transfer(operation);
  operation.replied = true;
  dtp.close();
  try_end(operation);
}

void User::on_transfer_reply(Operation& operation, core::Next next, const Reply& reply) {
  if (next == core::Next::wait) {
    const bool is_first = !std::exchange(operation.begun, true);
    if (is_first && scenario().act == Act::store && operation.open) operation.dtp->send(load().size);
    return;
  }
  operation.replied = true;
  if (next == core::Next::failure) {
    fail(operation, error_kind::refused,
         fmt::format("{} {} answered with \"{}\"", transfer_verb(load()), operation.name, reply.line));
    if (in_blocks()) return end(operation);
  } else if (scenario().act == Act::store && !operation.dtp->has_sent_all()) {
    fail(operation, error_kind::data, fmt::format("\"{}\" before all was sent", reply.line));
  } else if (in_blocks()) {
    if (operation.failed) return end(operation);
    answered_.push_back(&operation);
    return match_files();
  }
  if (operation.failed) operation.dtp->close();
  try_end(operation);
}

void User::on_remove_reply(Operation& operation, core::Next next, const Reply& reply) {
  if (next != core::Next::success)
    fail(operation, error_kind::refused, fmt::format("DELE {} answered with \"{}\"", operation.name, reply.line));
  end(operation);
}

void User::on_noop_reply(Operation& operation, core::Next next, const Reply& reply) {
  if (next != core::Next::success)
    fail(operation, error_kind::refused, fmt::format("NOOP answered with \"{}\"", reply.line));
  end(operation);
}

// ---- The data connection ----

User::Operation* User::operation_of(const UserDtp& dtp) {
  const auto found = std::ranges::find_if(operations_, [&](const Operation& o) { return o.dtp.get() == &dtp; });
  return found == operations_.end() ? nullptr : &*found;
}

std::uint32_t User::slot_of(const Operation& operation) const {
  return static_cast<std::uint32_t>(&operation - operations_.data());
}

void User::on_data_open(UserDtp& dtp) {
  touch();
  Operation* operation = operation_of(dtp);
  if (operation != nullptr) operation->open = true;
  if (scenario().act != Act::store) return dtp.receive();
  if (operation->begun) dtp.send(load().size);  // 1yz has come; a refused file shall not be sent
}

void User::on_data_octets(std::uint64_t octets) {
  touch();
  group_.count_octets(octets);
}

void User::on_file(const Copy& file) {
  files_.push_back(file);
  match_files();
}

// MODE B: files come in the order of the commands that succeed, and so do the final replies; a file and its reply
// may come in any order.
void User::match_files() {
  while (!files_.empty() && !answered_.empty()) {
    Operation& operation = *answered_.front();
    if (load().verify) group_.check_copy(operation.name, files_.front());
    files_.pop_front();
    answered_.pop_front();
    end(operation);
  }
}

void User::on_data_end(UserDtp& dtp, int error) {
  Operation* operation = operation_of(dtp);
  if (operation == nullptr) {
    if (state_ == State::ready && std::ranges::any_of(operations_, &Operation::busy))
      return lose(error_kind::data, fmt::format("the data connection for blocks ended: {}", error_text(error)));
  } else if (error != 0) {
    fail(*operation, error_kind::data, fmt::format("data connection for {}: {}", operation->name, error_text(error)));
  }
  dtp.close();
}

void User::on_data_closed(UserDtp& dtp) {
  if (state_ == State::closing) return settle();
  Operation* operation = operation_of(dtp);
  if (operation == nullptr) return;
  fell_behind_ |= dtp.fell_behind();
  try_end(*operation);
}

// ---- Ending ----

void User::fail(Operation& operation, std::string_view kind, std::string_view what) {
  if (std::exchange(operation.failed, true)) return;
  group_.count_error(kind, what);
}

void User::try_end(Operation& operation) {
  if (!operation.busy || operation.removing || !operation.replied) return;
  if (!operation.dtp->is_closed()) return;
  if (load().verify && !operation.failed) group_.check_copy(operation.name, operation.dtp->copy());
  end(operation);
}

void User::end(Operation& operation) {
  if (!operation.removing && !operation.failed) group_.count_operation(operation.intended);
  if (scenario().act == Act::store && operation.begun && !load().keep && !std::exchange(operation.removing, true)) {
    ask(Step::remove, "DELE", operation.name, slot_of(operation));
    return pi_.flush();
  }
  operation.busy = false;
  group_.on_ended(1);
  if (state_ == State::leaving) return quit_if_idle();
  group_.on_free(*this);
}

}  // namespace bench
