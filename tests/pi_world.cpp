// The tree, the clock and the actions. Every entry of the PI is followed by settle(): actions until there
// is none, output to the walker, and a look at whether everything is answered that should be.
#include "tests/pi_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

#include "core/path.hpp"
#include "tests/catch.hpp"

namespace tests {
namespace {

namespace act = core::action;
using Kind = core::TransferSpec::Kind;

constexpr core::Moment millisecond = 1'000'000;

std::string hash_of(std::string_view password) { return "hash of " + std::string(password); }

core::Account account(std::string_view name, core::Rights rights) {
  return {
      .name = std::string(name), .password_hash = hash_of("secret"), .account = {}, .root = "srv", .rights = rights};
}

// "text" for the default, nothing for TYPE I, else what differs from them.
std::string describe(const core::Representation& as) {
  const bool plain = as.structure == core::Structure::file && as.mode == core::Mode::stream;
  if (core::travels_unchanged(as)) return {};
  if (plain && as.type == core::Type::ascii) return " text";
  const std::string level = as.mode == core::Mode::deflate ? fmt::format(" level={}", as.level) : "";
  return fmt::format(" {}/{}/{}{}", core::type_text(as), core::letter(as.structure), core::letter(as.mode), level);
}

std::string describe(const core::TransferSpec& spec) {
  constexpr const char* kinds[] = {"retrieve", "store", "append", "store_unique", "list"};
  std::string text = fmt::format("StartTransfer {} {}", kinds[static_cast<std::size_t>(spec.kind)], spec.path);
  if (spec.kind == Kind::list) {
    constexpr const char* formats[] = {"list", "names", "machine"};
    text += fmt::format(" {}", formats[static_cast<std::size_t>(spec.format)]);
    if (!spec.pattern.empty()) text += fmt::format(" pattern={}", spec.pattern);
    if (!spec.prefix.empty()) text += fmt::format(" prefix={}", spec.prefix);
    if (spec.hidden) text += " hidden";
    if (spec.recursive) text += " recursive";
    if (spec.order == core::ListOrder::time) text += " by-time";
    if (spec.order == core::ListOrder::size) text += " by-size";
    if (spec.reverse) text += " reversed";
    if (spec.directory_itself) text += " itself";
    if (spec.directory_only) text += " directory_only";
  }
  if (spec.kind != Kind::list || spec.as != core::Representation()) text += describe(spec.as);
  if (spec.offset > 0) text += fmt::format(" offset={}", spec.offset);
  if (spec.ranged()) text += fmt::format(" end={}", spec.end);
  if (spec.skip > 0) text += fmt::format(" skip={}", spec.skip);
  if (!spec.state.empty()) text += fmt::format(" state={}", spec.state);
  if (spec.secured) text += " secured";
  if (spec.resumes) text += " resumes";
  if (spec.allocate > 0) text += fmt::format(" allocate={}", spec.allocate);
  return text;
}

std::string describe_digest(const core::WorkSpec& spec) {
  std::string text = fmt::format("Digest {} {}", core::name_of(spec.algorithm), spec.path);
  if (spec.range.begin > 0) text += fmt::format(" begin={}", spec.range.begin);
  if (spec.range.end != core::OctetRange::no_end) text += fmt::format(" end={}", spec.range.end);
  return text + (spec.inside ? " inside" : "");
}

struct Describe {
  std::string operator()(const act::Verify& a) const { return fmt::format("Verify {} against {}", a.password, a.hash); }
  std::string operator()(const act::EnterRoot& a) const {
    const bool own = a.root == &a.account->root;
    return fmt::format("EnterRoot {}{}", a.account->name, own ? "" : " " + *a.root);
  }
  std::string operator()(const act::Look& a) const {
    constexpr const char* ends[] = {"", " itself", " or itself"};
    return fmt::format("Look{} {}{}", a.to_enter ? " inside" : "", a.path, ends[static_cast<std::size_t>(a.link)]);
  }
  std::string operator()(const act::Measure& a) const { return fmt::format("Measure {}", a.path); }
  std::string operator()(const act::MakeDirectory& a) const { return fmt::format("MakeDirectory {}", a.path); }
  std::string operator()(const act::Remove& a) const {
    return fmt::format("{} {}", a.directory ? "RemoveDirectory" : "Remove", a.path);
  }
  std::string operator()(const act::Rename& a) const { return fmt::format("Rename {} to {}", a.from, a.to); }
  std::string operator()(const act::SetFacts& a) const {
    std::string text = fmt::format("SetFacts {}", a.path);
    if (a.wanted.modified) text += fmt::format(" modified={}", core::exact_time_value(*a.wanted.modified));
    if (a.wanted.mode) text += fmt::format(" mode={:o}", *a.wanted.mode);
    return text;
  }
  std::string operator()(const act::LookForSpace& a) const { return fmt::format("LookForSpace {}", a.path); }
  std::string operator()(const act::MakeLink& a) const { return fmt::format("MakeLink {} to {}", a.path, a.target); }
  std::string operator()(const act::BeginWork& a) const {
    if (a.spec.kind == core::WorkSpec::Kind::digest) return describe_digest(a.spec);
    constexpr const char* kinds[] = {"measure", "remove", "move", "copy", "combine", "make"};
    std::string text = fmt::format("BeginWork {} {}", kinds[static_cast<std::size_t>(a.spec.kind)], a.spec.path);
    for (const std::string& source : a.spec.sources) text += fmt::format(" {}", source);
    if (a.spec.mode != 0) text += fmt::format(" mode={:o}", a.spec.mode);
    return text;
  }
  std::string operator()(const act::ListSessions& a) const { return fmt::format("ListSessions {}", a.most); }
  std::string operator()(const act::EndSession& a) const { return fmt::format("EndSession {}", a.id); }
  std::string operator()(const act::Aim& a) const { return "Aim " + core::to_string(a.endpoint); }
  std::string operator()(const act::Listen&) const { return "Listen"; }
  std::string operator()(const act::DropData&) const { return "DropData"; }
  std::string operator()(const act::StartTransfer& a) const { return describe(a.spec); }
  std::string operator()(const act::Proceed&) const { return "Proceed"; }
  std::string operator()(const act::Abort&) const { return "Abort"; }
  std::string operator()(const act::ListToControl& a) const { return fmt::format("ListToControl {}", a.spec.path); }
  std::string operator()(const act::MoreListing&) const { return "MoreListing"; }
  std::string operator()(const act::PrepareTls& a) const {
    return fmt::format("PrepareTls{}{}", a.host.empty() ? "" : " ", a.host);
  }
  std::string operator()(const act::BeginTls&) const { return "BeginTls"; }
  std::string operator()(const act::EndTls&) const { return "EndTls"; }
};

}  // namespace

core::Config world_config() {
  using enum core::Right;
  core::Config config;
  config.accounts.add(account("demo", {list, read, write, core::Right::remove, core::Right::rename, make_dir, site}));
  config.accounts.add(account("reader", {list, read}));
  config.accounts.add(account("warden", {list, admin}));
  core::Account keeper = account("keeper", {list, read, write});
  keeper.account = "vault";
  config.accounts.add(keeper);
  core::Account guest = account("guest", {list, read});
  guest.password_hash.clear();
  config.accounts.add(guest);
  core::Account archivist = account("archivist", {list, read, write, make_dir});
  archivist.mounts = {{.name = "archive", .root = "/srv/archive"}};
  config.accounts.add(archivist);
  core::Account clerk = account("clerk", {list, read, write, core::Right::rename});
  clerk.account = "vault";
  clerk.account_for = core::AccountFor::storing;
  config.accounts.add(clerk);
  config.uploads.file_max_bytes = 1'000'000'000;
  config.data.block_modes = core::BlockModes::always;
  core::Account lodger = guest;
  lodger.name = "lodger";
  lodger.account = "vault";
  config.accounts.add(lodger);
  core::Account anonymous = account("anonymous", {list, read});
  anonymous.password_hash.clear();
  anonymous.anonymous = true;
  config.accounts.add(anonymous);
  return config;
}

core::Config secure_world_config() {
  core::Config config = world_config();
  config.tls.certificate = "c.pem";
  config.tls.key = "k.pem";
  return config;
}

PiWorld::PiWorld(const core::Config& config, std::string_view local, std::string_view peer)
    : pi_(std::make_shared<const core::Config>(config), *core::parse_endpoint(local), *core::parse_endpoint(peer)),
      longest_delay_ns_(config.limits.login_failure_delay_ms * millisecond) {
  clear_tree();
  add_file("/readme.txt", 12, 2);
  add_directory("/pub");
  add_file("/pub/image.bin", 1000);
  pi_.greet(now_);
  settle();
}

// ---- The client ----

std::string PiWorld::octets(std::string_view octets, bool urgent) {
  walker_.on_sent(octets, urgent);
  pi_.receive(octets, urgent, now_);
  return settle();
}

std::string PiWorld::log_in(std::string_view user, std::string_view password) {
  std::string codes = talk(fmt::format("USER {}", user));
  return codes + " " + talk(fmt::format("PASS {}", password));
}

std::string PiWorld::reads(bool reading) {
  reading_ = reading;
  return settle();
}

// What net/session.cpp's pump() does: actions until there is none, then output; output that left may
// have made room for more commands.
std::string PiWorld::settle() {
  do {
    take_output();
    while (const auto action = pi_.next_action(now_)) {
      actions_.push_back(std::visit(Describe{}, *action));
      perform(*action);
    }
  } while (reading_ && !pi_.output().empty());
  check();
  return std::exchange(codes_, {});
}

void PiWorld::take_output() {
  if (!reading_) return;
  for (Reply& reply : walker_.on_received(std::exchange(pi_.output(), {}))) {
    codes_ += fmt::format("{}{}", codes_.empty() ? "" : " ", reply.code);
    last_ = reply;
    replies_.push_back(std::move(reply));
  }
}

// Exactly one final reply for every command: when the PI rests, nothing is due but what waits for the
// end of a transfer, for an outcome that the test holds, or for the delay of a failed login.
void PiWorld::check() {
  for (const std::string& complaint : walker_.complaints()) FAIL(complaint);
  if (pi_.closing() || !reading_ || held_ || walker_.unanswered() == 0) return;
  const core::CommandRow* due = walker_.next_to_answer();
  const bool delayed = pi_.deadline() <= now_ + longest_delay_ns_;
  const bool waits_for_end = pi_.transferring() && (due == nullptr || due->during_transfer == core::During::waits ||
                                                    due->verb == "ABOR" || due->verb == "QUIT");
  if (!delayed && !waits_for_end) FAIL("not answered: " << (due == nullptr ? "an unknown verb" : due->verb));
}

// ---- Actions ----

void PiWorld::perform(const core::Action& action) {
  if (std::holds_alternative<act::Proceed>(action)) return proceed();
  if (std::holds_alternative<act::Abort>(action)) {
    if (pi_.working() && !aborts_wait_) return pi_.on_work_end({.error = ECANCELED}, now_);
    if (!aborts_wait_ && transfer_runs_) finish({.cause = core::TransferEnd::Cause::aborted, .error = ECANCELED});
    return;
  }
  const int failure = failure_of(action);
  if (const auto* work = std::get_if<act::BeginWork>(&action)) {
    const core::Outcome outcome = failure != 0 ? core::Outcome{.error = failure} : do_work(work->spec);
    if (works_wait_) {
      held_work_ = outcome;
    } else {
      pi_.on_work_end(outcome, now_);
    }
    return;
  }
  const core::Outcome outcome = failure != 0 ? core::Outcome{.error = failure, .last = true} : outcome_of(action);
  if (holding_) {
    held_ = outcome;
  } else {
    pi_.on_outcome(outcome, now_);
  }
}

// 0, or what the test has decided that the action ends with.
int PiWorld::failure_of(const core::Action& action) {
  if (const int error = std::exchange(fail_next_, 0)) return error;
  const bool on_connections = std::holds_alternative<act::Verify>(action) ||
                              std::holds_alternative<act::EnterRoot>(action) ||
                              std::holds_alternative<act::Aim>(action) || std::holds_alternative<act::DropData>(action);
  if (std::holds_alternative<act::Listen>(action)) return ports_taken_ ? EADDRINUSE : 0;
  return on_connections ? 0 : files_error_;
}

std::string PiWorld::end_work() {
  pi_.on_work_end(held_work_, now_);
  return settle();
}

std::string PiWorld::release() {
  holding_ = false;
  if (held_) pi_.on_outcome(*std::exchange(held_, std::nullopt), now_);
  return settle();
}

core::Outcome PiWorld::outcome_of(const core::Action& action) {
  struct Performer {
    PiWorld& world;
    core::Outcome operator()(const act::Verify& a) const {
      return {.error = a.hash == hash_of(a.password) ? 0 : EACCES};
    }
    core::Outcome operator()(const act::EnterRoot&) const { return {}; }
    core::Outcome operator()(const act::Look& a) const { return world.look(a.path); }
    core::Outcome operator()(const act::Measure& a) const { return world.measure(a.path, a.until); }
    core::Outcome operator()(const act::MakeDirectory& a) const { return world.make_directory(a.path); }
    core::Outcome operator()(const act::Remove& a) const { return world.remove(a.path, a.directory); }
    core::Outcome operator()(const act::Rename& a) const { return world.rename(a.from, a.to, a.replaces); }
    core::Outcome operator()(const act::SetFacts& a) const { return world.set_facts(a.path, a.wanted); }
    core::Outcome operator()(const act::LookForSpace& a) const { return world.look_for_space(a.path); }
    core::Outcome operator()(const act::MakeLink& a) const {
      return {.error = world.has(std::string(a.path)) ? EEXIST : 0};
    }
    core::Outcome operator()(const act::BeginWork&) const { return {}; }  // see perform()
    core::Outcome operator()(const act::ListSessions&) const {
      return {.number = world.sessions.size(), .sessions = world.sessions};
    }
    core::Outcome operator()(const act::EndSession& a) const { return world.end_session(a.id); }
    core::Outcome operator()(const act::Aim&) const { return world.drop(); }
    core::Outcome operator()(const act::Listen&) const {
      world.drop();
      return {.endpoint = {.port = world.next_port_++}};
    }
    core::Outcome operator()(const act::DropData&) const { return world.drop(); }
    core::Outcome operator()(const act::StartTransfer& a) const { return world.start(a.spec); }
    core::Outcome operator()(const act::Proceed&) const { return {}; }
    core::Outcome operator()(const act::Abort&) const { return {}; }
    core::Outcome operator()(const act::ListToControl& a) const { return world.list_to_control(a.spec); }
    core::Outcome operator()(const act::MoreListing&) const { return world.more_listing(); }
    core::Outcome operator()(const act::PrepareTls&) const { return {}; }
    core::Outcome operator()(const act::BeginTls&) const {
      return {.names = world.client_names, .server_name = world.server_name};
    }
    core::Outcome operator()(const act::EndTls&) const { return {}; }
  };
  return std::visit(Performer{*this}, action);
}

// ---- The tree ----

void PiWorld::add_file(const std::string& path, std::uint64_t size, std::uint64_t line_ends) {
  constexpr std::int64_t some_day = 1'000'000'000;  // 2001-09-09 01:46:40 UTC
  tree_[path] = {.entry = {.kind = core::Entry::Kind::file,
                           .mode = 0644,
                           .size = size,
                           .modified = some_day * 1'000'000'000,
                           .device = 1,
                           .inode = next_inode_++},
                 .line_ends = line_ends};
}

void PiWorld::add_directory(const std::string& path) {
  add_file(path, 4096);
  tree_[path].entry.kind = core::Entry::Kind::directory;
  tree_[path].entry.mode = 0755;
}

void PiWorld::clear_tree() {
  tree_.clear();
  add_directory("/");
}

core::Outcome PiWorld::look(std::string_view path) {
  const auto node = tree_.find(std::string(path));
  if (node == tree_.end()) return {.error = ENOENT};
  return {.entry = node->second.entry};
}

// Times of whole seconds alone.
core::Outcome PiWorld::set_facts(std::string_view path, const core::Modification& wanted) {
  const auto node = tree_.find(std::string(path));
  if (node == tree_.end()) return {.error = ENOENT};
  core::Entry& entry = node->second.entry;
  if (wanted.modified) entry.modified = core::FileTime(wanted.modified->seconds, 0);
  if (wanted.mode) entry.mode = *wanted.mode;
  return {.entry = entry};
}

core::Outcome PiWorld::look_for_space(std::string_view path) {
  const core::Outcome found = look(path);
  if (found.error != 0) return found;
  if (found.entry.kind != core::Entry::Kind::directory) return {.error = ENOTDIR};
  return {.number = disk_full_ ? 0 : 123'456'789'012u};
}

core::Outcome PiWorld::end_session(std::uint64_t id) const {
  const auto found = std::ranges::find(sessions, id, &core::SessionSight::id);
  if (found == sessions.end()) return {.error = ENOENT};
  return {.error = found == sessions.begin() ? EBUSY : 0};
}

core::Outcome PiWorld::do_work(const core::WorkSpec& spec) {
  using Work = core::WorkSpec::Kind;
  const std::string path(spec.path), below = path == "/" ? path : path + "/";
  const core::Outcome found = look(path);
  switch (spec.kind) {
    case Work::measure_tree:
    case Work::remove_tree: {
      if (found.error != 0) return found;
      if (found.entry.kind != core::Entry::Kind::directory) return {.error = ENOTDIR};
      const auto inside = [&](const auto& node) { return node.first == path || node.first.starts_with(below); };
      std::uint64_t octets = 0;
      for (const auto& node : tree_)
        if (inside(node)) octets += node.second.entry.size;
      if (spec.kind == Work::remove_tree) std::erase_if(tree_, inside);
      return {.number = octets};
    }
    case Work::make_directories:
      for (std::size_t end = 0; end < path.size();) {
        end = std::min(path.find('/', end + 1), path.size());
        if (!has(path.substr(0, end))) add_directory(path.substr(0, end));
      }
      return {};
    case Work::digest: return digest(spec);
    case Work::move: {
      const core::Outcome moved = look(spec.sources.front());
      if (moved.error != 0) return moved;
      if (moved.entry.kind != core::Entry::Kind::file) return {.error = core::action::other_file_system};
      tree_.erase(spec.sources.front());
      add_file(path, moved.entry.size);
      return {};
    }
    case Work::copy:
    case Work::combine: break;
  }
  std::uint64_t octets = spec.kind == Work::combine && found.error == 0 ? found.entry.size : 0;
  for (const std::string& source : spec.sources) {
    const core::Outcome part = look(source);
    if (part.error != 0) return part;
    octets += part.entry.size;
  }
  if (const int error = may_be_made(path)) return {.error = error};
  if (disk_full_) return {.error = ENOSPC};
  if (spec.kind == Work::combine)
    for (const std::string& source : spec.sources) tree_.erase(source);
  add_file(path, octets);
  return {};
}

// As if all line ends stood at the begin of the file: each is two octets on the way.
core::Outcome PiWorld::measure(std::string_view path, std::uint64_t until) {
  core::Outcome found = look(path);
  if (found.error != 0) return found;
  if (found.entry.kind != core::Entry::Kind::file) return {.error = EISDIR};
  const std::uint64_t line_ends = tree_.at(std::string(path)).line_ends;
  std::uint64_t made = std::min(until, found.entry.size + line_ends);
  if (made < 2 * line_ends) made -= made % 2;
  const std::uint64_t offset = made < 2 * line_ends ? made / 2 : made - line_ends;
  return {.entry = found.entry, .number = made, .split_offset = offset, .split_number = made};
}

// 0, or why an object of that name cannot be made.
int PiWorld::may_be_made(const std::string& path) const {
  const auto parent = tree_.find(std::string(core::parent_path(path)));
  if (parent == tree_.end()) return ENOENT;
  return parent->second.entry.kind == core::Entry::Kind::directory ? 0 : ENOTDIR;
}

core::Outcome PiWorld::make_directory(std::string_view path) {
  const std::string name(path);
  if (tree_.contains(name)) return {.error = EEXIST};
  if (const int error = may_be_made(name)) return {.error = error};
  if (disk_full_) return {.error = ENOSPC};
  add_directory(name);
  return {};
}

core::Outcome PiWorld::remove(std::string_view path, bool directory) {
  const core::Outcome found = look(path);
  if (found.error != 0) return found;
  const bool is_directory = found.entry.kind == core::Entry::Kind::directory;
  if (is_directory != directory) return {.error = is_directory ? EISDIR : ENOTDIR};
  const std::string inside = std::string(path) + "/";
  if (tree_.lower_bound(inside) != tree_.end() && tree_.lower_bound(inside)->first.starts_with(inside))
    return {.error = ENOTEMPTY};
  tree_.erase(std::string(path));
  return {};
}

core::Outcome PiWorld::rename(std::string_view from, std::string_view to, bool replaces) {
  if (const core::Outcome found = look(from); found.error != 0) return found;
  if (!replaces && has(std::string(to))) return {.error = EEXIST};
  if (const int error = may_be_made(std::string(to))) return {.error = error};
  const Node node = tree_.at(std::string(from));
  tree_.erase(std::string(from));
  tree_[std::string(to)] = node;
  return {};
}

// ---- Transfers ----

core::Outcome PiWorld::drop() {
  connected_ = false;
  return {};
}

core::Outcome PiWorld::start(const core::TransferSpec& spec) {
  transfer_ = {.spec = spec, .path = std::string(spec.path)};
  std::string& path = transfer_.path;
  core::Outcome found = look(path);
  const bool exists = found.error == 0;
  const bool is_directory = exists && found.entry.kind == core::Entry::Kind::directory;
  const bool makes = spec.kind != Kind::retrieve && spec.kind != Kind::list;
  if (spec.kind == Kind::store_unique) {
    const std::string base = path;
    for (int i = 1; tree_.contains(path); ++i) path = fmt::format("{}.{}", base, i);
    found = {};
  } else if (makes && !exists) {
    found = {.error = may_be_made(path)};
  } else if (spec.kind != Kind::list && is_directory) {
    return {.error = EISDIR};
  }
  if (found.error != 0) return found;
  if (disk_full_ && makes && !tree_.contains(path)) return {.error = ENOSPC};
  if (spec.directory_only && !is_directory) return {.error = ENOTDIR};
  if (makes && spec.allocate > static_cast<std::uint64_t>(world_config().uploads.file_max_bytes))
    return {.error = EFBIG};
  const bool nothing = spec.kind == Kind::retrieve && spec.ranged();
  if (spec.offset > found.entry.size && !nothing) return {.error = ERANGE};
  told_ = core::last_name(path);
  found.text = told_;
  found.connected = std::exchange(connected_, false);
  return found;
}

std::string PiWorld::marker(std::string_view sender, std::string_view own) {
  pi_.on_marker(sender, own, now_);
  return settle();
}

void PiWorld::proceed() {
  transfer_runs_ = true;
  if (!transfers_wait_) finish({});
}

// What came is in the tree now: STOR keeps what stands before the restart point and, when it
// restarts, what stands behind the last octet too.
void PiWorld::store() {
  const bool exists = tree_.contains(transfer_.path);
  const std::uint64_t old_size = exists ? size(transfer_.path) : 0;
  std::uint64_t new_size = upload_size_;
  if (transfer_.spec.kind == Kind::append) new_size += old_size;
  if (transfer_.spec.offset > 0 || transfer_.spec.ranged())
    new_size = std::max(old_size, transfer_.spec.offset + upload_size_);
  add_file(transfer_.path, new_size);
}

std::uint64_t PiWorld::transfer_begin() const {
  return transfer_.spec.kind == Kind::append ? size(transfer_.path) : transfer_.spec.offset;
}

std::uint64_t PiWorld::transfer_size() const {
  if (transfer_.spec.kind != Kind::retrieve) return 0;
  const std::uint64_t end = std::min(size(transfer_.path), transfer_.spec.end);
  return end - std::min(end, transfer_.spec.offset);
}

// Every file is made of the letter x.
core::Outcome PiWorld::digest(const core::WorkSpec& spec) {
  const core::Outcome found = look(spec.path);
  if (found.error != 0) return found;
  if (found.entry.kind != core::Entry::Kind::file) return {.error = EISDIR};
  const auto& [begin, end] = spec.range;
  if (begin > found.entry.size || (spec.inside && end != core::OctetRange::no_end && end > found.entry.size))
    return {.error = ERANGE};
  const core::OctetRange range{begin, std::min(end, found.entry.size)};
  core::Digest digest(spec.algorithm);
  digest.update(std::string(range.end - range.begin, 'x'));
  hex_ = digest.finish();
  return {.text = hex_, .range = range};
}

std::string PiWorld::end_transfer(const core::TransferEnd& end) {
  finish(end);
  return settle();
}

void PiWorld::finish(const core::TransferEnd& end) {
  const Kind kind = transfer_.spec.kind;
  if (end.cause == core::TransferEnd::Cause::complete && kind != Kind::retrieve && kind != Kind::list) store();
  transfer_runs_ = false;
  connected_ = end.stays_open;
  take_output();
  walker_.on_transfer_ended();
  pi_.on_transfer_end(end, now_);
}

core::Outcome PiWorld::list_to_control(const core::TransferSpec& spec) {
  core::Outcome found = look(spec.path);
  if (found.error != 0) return found;
  listing_.clear();
  const auto add = [&](const core::Entry& entry, std::string_view name) {
    std::string line;
    core::append_list_line(line, entry, name, 0);
    if (core::listable(spec.format, name)) listing_.push_back(line);
  };
  if (found.entry.kind != core::Entry::Kind::directory || spec.directory_itself) {
    add(found.entry, spec.given);
  } else {
    for (const auto& [path, node] : tree_)
      if (path != "/" && core::parent_path(path) == spec.path) add(node.entry, core::last_name(path));
  }
  std::ranges::reverse(listing_);
  return found;
}

core::Outcome PiWorld::more_listing() {
  if (listing_.empty()) return {.last = true};
  listing_line_ = listing_.back();
  listing_.pop_back();
  return {.text = listing_line_};
}

// ---- Time ----

std::string PiWorld::wait(std::int64_t milliseconds) {
  const core::Moment end = now_ + milliseconds * millisecond;
  std::string codes;
  while (pi_.deadline() <= end) {
    now_ = std::max(now_, pi_.deadline());
    pi_.on_time(now_);
    codes += settle();
  }
  now_ = end;
  return codes;
}

std::string PiWorld::shut_down() {
  pi_.shut_down(now_);
  return settle();
}

}  // namespace tests
