// Service commands on files: RETR STOR STOU APPE ALLO REST RNFR RNTO ABOR DELE RMD MKD PWD LIST NLST,
// and SIZE MDTM MLST MLSD. RFC 959 4.1.3, RFC 1123 4.1, RFC 3659.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/path.hpp"
#include "core/pi_reply.hpp"
#include "core/text.hpp"

namespace core {
namespace {

/// How much of a file of that size lies in the range.
std::uint64_t octets_in(const TransferSpec& spec, std::uint64_t size) {
  return std::min(spec.end, size) - std::min(spec.offset, size);
}

}  // namespace

// ---- Transfers ----

void Pi::on_retr(std::string_view argument) { transfer_file(TransferSpec::Kind::retrieve, argument); }
void Pi::on_stor(std::string_view argument) { transfer_file(TransferSpec::Kind::store, argument); }

// After REST it acts as STOR does (RFC 3659 5.3), and after RANG (range 4.3).
void Pi::on_appe(std::string_view argument) {
  const bool restarts = restart_ > 0 || !restart_state_.empty() || range_;
  transfer_file(restarts ? TransferSpec::Kind::store : TransferSpec::Kind::append, argument);
}

// A name new in the current directory; an argument, which RFC 959 does not have and clients send, is
// where it begins.
void Pi::on_stou(std::string_view argument) {
  forget_restart();  // undefined before STOU (RFC 3659 5.3)
  given_.assign(argument);
  transfer_file(TransferSpec::Kind::store_unique, argument.empty() ? "stou" : argument);
}

void Pi::transfer_file(TransferSpec::Kind kind, std::string_view argument) {
  if (!goes_together(as_)) return reply(Code::bad_parameter, "This TYPE and STRU do not go together.");
  const bool makes = kind != TransferSpec::Kind::retrieve;
  if (makes ? !resolve_new(argument) : !resolve(argument)) return;
  spec_ = {.kind = kind, .path = path_, .as = as_, .offset = restart_, .state = restart_state_, .allocate = allocate_};
  if (range_ && !travels_unchanged(as_)) return refuse_file({.error = ERANGE});  // TYPE, STRU or MODE came behind it
  if (range_) spec_.offset = range_->begin, spec_.end = range_->end, spec_.allocate = 0;
  // Pages say where they belong: there is no end to append to.
  if (kind == TransferSpec::Kind::append && as_.structure == Structure::page)
    return refuse_file({.error = EMEDIUMTYPE});
  // In MODE S the restart point counts octets as they travel, in MODE Z before they are compressed: where that is in
  // the file takes a count.
  const bool counted = restart_ > 0 && !keeps_connection(as_);
  if (counted && as_.structure == Structure::page) return refuse_file({.error = ERANGE});  // RFC 3659 5.2: STRU F
  if (counted && length_changes(as_))
    return ask(action::Measure{path_, uncompressed(as_), restart_}, &Pi::after_restart_measured);
  start_transfer();
}

// What is sent may begin before the point and leave something out; what is stored must find it exactly, or
// between a CR and its LF, which are one octet in the file.
void Pi::after_restart_measured(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  const std::uint64_t missing = restart_ - outcome.split_number;
  const bool more = outcome.split_offset < outcome.entry.size;
  const bool behind_cr = missing == 1 && more && as_.type == Type::ascii && as_.structure == Structure::file;
  const bool sends = spec_.kind == TransferSpec::Kind::retrieve;
  const bool found = missing == 0 || behind_cr || (sends && outcome.number >= restart_);
  if (!found) return refuse_file({.error = ERANGE});
  spec_.offset = outcome.split_offset;
  if (sends) spec_.skip = missing;
  if (!sends && behind_cr) spec_.state = "r";
  start_transfer();
}

void Pi::start_transfer() {
  spec_.secured = data_secured_;
  spec_.only_passive = epsv_only_;
  spec_.file_mode = file_mode();
  spec_.resumes = account_->resumption_required.value_or(config().tls.resumption_required);
  ask(action::StartTransfer{spec_}, &Pi::after_start_transfer);
}

// Only now is it known that the transfer can be done: an error before gets one 4yz or 5yz and leaves
// the data connection as it was.
void Pi::after_start_transfer(const Outcome& outcome) {
  if (outcome.error != 0) {
    if (outcome.error == ENOTDIR && spec_.directory_only) return ask(action::Look{path_}, &Pi::after_no_directory);
    return refuse_file(outcome);
  }
  const Code code = outcome.connected ? Code::data_connection_open : Code::file_status_okay;
  const std::string_view state =
      outcome.connected ? say("Data connection already open") : say("Opening data connection");
  switch (spec_.kind) {
    case TransferSpec::Kind::store_unique:
      reply_as_is(code, fmt::format("FILE: {}", pathname_of_unique(outcome.text)));
      break;
    case TransferSpec::Kind::retrieve:
      reply(code, "{} for {} ({} bytes).", state, last_name(path_),
            spec_.ranged() ? octets_in(spec_, outcome.entry.size) : outcome.entry.size);
      break;
    default: reply_as_is(code, fmt::format("{}.", state));
  }
  transfer_ = std::exchange(foreground_, {});
  waiting_ = Waiting::nothing;
  asked_ = action::Proceed{};
}

// RFC 3659 7.2.1: MLSD of what is there and no directory is 501, of what is not there, as below a file, 550.
void Pi::after_no_directory(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  reply(Code::bad_parameter, "Not a directory.");
}

// "FILE: pppp" has the unique pathname (RFC 1123 4.1.2.9), so that RETR takes it as it stands: the directory part is as
// the client wrote it, where that leads to the same place.
std::string Pi::pathname_of_unique(std::string_view name) const {
  const std::string_view directory = parent_path(path_);
  std::string as_given = fmt::format("{}{}", std::string_view(given_).substr(0, given_.rfind('/') + 1), name);
  const auto place = resolve_path(directory_, as_given);
  if (place && parent_path(*place) == directory) return as_given;
  return fmt::format("{}{}{}", directory, directory == "/" ? "" : "/", name);
}

void Pi::on_allo(std::string_view argument) {
  argument = without_trailing_blank(argument);
  const std::size_t space = argument.find(' ');
  const auto octets = parse_number(argument.substr(0, space));
  bool good = octets.has_value();
  if (good && space != std::string_view::npos) {
    const std::string_view rest = argument.substr(space + 1);
    good = (rest.starts_with("R ") || rest.starts_with("r ")) && parse_number(rest.substr(2));
  }
  if (!good) return reply(Code::bad_parameter, "Wanted: octets, or octets R octets.");
  allocate_ = *octets;
  reply(Code::okay, "A transfer is refused if so much does not fit.");
}

void Pi::on_rest(std::string_view argument) {
  argument = without_trailing_blank(argument);
  const bool marked = keeps_connection(as_);
  const std::size_t plus = marked ? std::min(argument.find('+'), argument.size()) : argument.size();
  const std::string_view state = argument.substr(plus);
  const auto offset = parse_number(argument.substr(0, plus));
  if (!offset || state.size() == 1 || !std::ranges::all_of(state, is_marker_octet))
    return reply(Code::bad_parameter,
                 marked ? Phrase("Wanted: a marker of this server.") : Phrase("Wanted: a number of octets."));
  range_.reset();
  restart_ = *offset;
  restart_state_ = state.substr(state.empty() ? 0 : 1);
  reply(Code::pending_further, "Restarting at {}. Send RETR or STOR.", argument);
}

// Two final replies whatever the race: one for the transfer, one for ABOR (RFC 959 4.1.3).
void Pi::on_abor(std::string_view) {
  if (!transferring()) return ask(action::DropData{}, &Pi::after_abor);
  asked_ = action::Abort{};
  wait_for_transfer_end(&Pi::after_abor);
}

void Pi::after_abor(const Outcome&) { reply(Code::closing_data, "Abort successful."); }

// ---- Listings ----

void Pi::on_list(std::string_view argument) { list(argument, ListFormat::list); }

void Pi::on_nlst(std::string_view argument) { list(argument, ListFormat::names); }

void Pi::list(std::string_view argument, ListFormat format) {
  if (!listing_spec(argument, format, spec_)) return;
  if (may_be_pattern(spec_)) return ask(action::Look{path_}, &Pi::after_list_looked);
  start_transfer();
}

void Pi::after_list_looked(const Outcome& outcome) {
  if (outcome.error != 0) take_as_pattern(spec_);
  start_transfer();
}

void Pi::on_mlsd(std::string_view argument) { list_for_machines(argument, false); }

// MLSD of a whole tree in one round trip: names are paths from the directory that was asked for.
void Pi::on_mlsr(std::string_view argument) { list_for_machines(argument, true); }

void Pi::list_for_machines(std::string_view argument, bool recursive) {
  if (!resolve(argument)) return;
  spec_ = {.kind = TransferSpec::Kind::list,
           .path = path_,
           .as = {.mode = as_.mode == Mode::deflate ? as_.mode : Mode::stream, .level = as_.level},
           .format = ListFormat::machine,
           .directory_only = true,
           .facts = facts_,
           .recursive = recursive};
  start_transfer();
}

// A listing is text, whatever the TYPE (RFC 1123 4.1.2.7), in EBCDIC where that is the TYPE; MLSD alone is
// always as by default (RFC 3659 7.2), but for MODE Z, which is for all transfers (deflate 3.1).
Representation Pi::listing_representation() const {
  const bool records = as_.structure == Structure::record;
  return {.type = as_.type == Type::ebcdic ? Type::ebcdic : Type::ascii,
          .structure = records ? Structure::record : Structure::file,
          .mode = as_.mode,
          .level = as_.level};
}

// LIST, NLST and STAT take the options that clients of Unix servers send, and a wildcard in the last name (mget): an
// object of exactly that name comes first, and only where there is none the name is a pattern. The directory part of
// what was written stands before each name of NLST.
bool Pi::listing_spec(std::string_view argument, ListFormat format, TransferSpec& spec) {
  const ListRequest request = parse_list_argument(argument);
  if (!resolve(request.path)) return false;
  given_.assign(request.path);
  const std::string_view given = given_;
  const ListFormat shown = request.names_alone ? ListFormat::names : format;
  if (!listable(shown, given)) {  // it stands before each name
    reply(Code::unavailable, "NLST cannot show names with control characters.");
    return false;
  }
  spec = {.kind = TransferSpec::Kind::list,
          .path = path_,
          .as = listing_representation(),
          .format = shown,
          .prefix = request.names_alone && format == ListFormat::list ? std::string_view() : given,
          .given = given,
          .hidden = request.all,
          .directory_itself = request.directory_itself,
          .recursive = request.recursive,
          .order = request.order,
          .reverse = request.reverse};
  return true;
}

bool Pi::may_be_pattern(const TransferSpec& spec) { return has_wildcard(spec.given.substr(spec.given.rfind('/') + 1)); }

// Its path is that of an object so far.
void Pi::take_as_pattern(TransferSpec& spec) {
  const std::string_view given = spec.given;
  const std::size_t slash = given.rfind('/');
  spec.prefix = slash == std::string_view::npos ? std::string_view() : given.substr(0, slash == 0 ? 1 : slash);
  path2_ = last_name(path_);
  path_ = parent_path(std::string(path_));
  spec.path = path_;
  spec.pattern = path2_;
}

// ---- Files ----

// It is the name that is moved, be it a link's.
void Pi::on_rnfr(std::string_view argument) {
  if (!resolve(argument)) return;
  if (path_ == "/") return refuse_root();
  ask(action::Look{.path = path_, .link = action::LinkAtEnd::itself}, &Pi::after_rnfr);
}

void Pi::after_rnfr(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  rename_from_ = path_;
  renaming_ = true;
  reply(Code::pending_further, "Send RNTO with the new name.");
}

void Pi::on_rnto(std::string_view argument) {
  if (!std::exchange(renaming_, false)) return reply(Code::bad_sequence, "Send RNFR first.");
  if (!resolve_new(argument)) return;
  if (path_ == "/") return refuse_file({.error = EEXIST});
  // To replace a file is to write it or to delete it: the right to rename alone does not do that.
  ask(action::Rename{rename_from_, path_, may_replace()}, &Pi::after_rename);
}

bool Pi::may_replace() const { return account_->rights.has(Right::write) && account_->rights.has(Right::remove); }

// Another file system may be mounted below the root. What rename(2) cannot do there takes its time.
void Pi::after_rename(const Outcome& outcome) {
  if (outcome.error != action::other_file_system) return after_file_action(outcome);
  paths_.assign(1, rename_from_);
  begin_work({.kind = WorkSpec::Kind::move, .path = path_, .sources = paths_, .replaces = may_replace()},
             &Pi::after_move);
}

void Pi::after_move(const Outcome& outcome) {
  if (outcome.error == action::other_file_system)
    return reply_to(transfer_, Code::name_not_allowed, say("Only files can be moved to another file system."));
  after_work(outcome);
}

void Pi::on_dele(std::string_view argument) {
  if (resolve(argument)) ask(action::Remove{path_, false}, &Pi::after_file_action);
}

void Pi::on_rmd(std::string_view argument) {
  if (!resolve(argument)) return;
  if (path_ == "/") return refuse_root();
  ask(action::Remove{path_, true}, &Pi::after_file_action);
}

// No name in the user's file system is the root's: there is nothing that the kernel could be asked.
void Pi::refuse_root() { reply(Code::unavailable, "The root stays."); }

void Pi::after_file_action(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  reply(Code::file_action_okay, "File action okay, completed.");
}

void Pi::on_mkd(std::string_view argument) {
  if (!resolve_new(argument)) return;
  if (path_ == "/") return refuse_file({.error = EEXIST});
  ask(action::MakeDirectory{path_, directory_mode()}, &Pi::after_mkd);
}

void Pi::after_mkd(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  reply(Code::path_created, "{} created.", quoted(path_));
}

void Pi::on_pwd(std::string_view) { reply(Code::path_created, "{} is the current directory.", quoted(directory_)); }

// ---- RFC 3659 ----

// The octets that RETR would send now, never an estimate: where they are others than the file's, it takes a
// count, and where blocks of any size may carry them, nobody knows (RFC 3659 4).
void Pi::on_size(std::string_view argument) {
  if (keeps_connection(as_) || as_.structure == Structure::page || !goes_together(as_))
    return reply(Code::unavailable, "The size is known in MODE S and Z, and STRU F or R.");
  if (!resolve(argument)) return;
  if (length_changes(as_)) return ask(action::Measure{path_, uncompressed(as_)}, &Pi::after_measure);
  ask(action::Look{path_}, &Pi::after_size);
}

void Pi::after_size(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  if (outcome.entry.kind != Entry::Kind::file) return reply(Code::unavailable, "Not a regular file.");
  reply_as_is(Code::file_status, std::to_string(outcome.entry.size));
}

void Pi::after_measure(const Outcome& outcome) {
  if (outcome.error == EFBIG) return reply(Code::unavailable, "Too large to be counted so; use TYPE I and STRU F.");
  if (outcome.error != 0) return refuse_file(outcome);
  reply_as_is(Code::file_status, std::to_string(outcome.number));
}

// "MDTM 20200102030405 name" sets the time in many clients. A file may be named so as well: if there is one, it is the
// one that is asked for (RFC 3659 3 knows no time here).
void Pi::on_mdtm(std::string_view argument) {
  const std::size_t space = argument.find(' ');
  const bool more = space != std::string_view::npos && space + 1 < argument.size();
  modification_ = {};
  if (more) modification_.modified = parse_time_value(argument.substr(0, space));
  const bool sets = modification_.modified.has_value();
  if (sets) given_.assign(argument.substr(space + 1));
  if (sets && !resolve_path(directory_, argument)) return after_mdtm_looked({.error = ENAMETOOLONG});
  if (resolve(argument)) ask(action::Look{path_}, sets ? &Pi::after_mdtm_looked : &Pi::after_mdtm);
}

// The time is set where no file has the whole for its name, or none can have.
void Pi::after_mdtm_looked(const Outcome& outcome) {
  if (outcome.error != ENOENT && outcome.error != ENAMETOOLONG) return after_mdtm(outcome);
  if (!account_->rights.has(Right::write) || lacks_account()) return refuse_file({.error = EACCES});
  set_facts(modification_, given_, &Pi::after_facts_set);
}

void Pi::after_mdtm(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  reply_as_is(Code::file_status, time_value(outcome.entry.modified));
}

void Pi::on_mlst(std::string_view argument) {
  if (resolve(argument)) ask(action::Look{.path = path_, .link = action::LinkAtEnd::fallback}, &Pi::after_mlst);
}

void Pi::after_mlst(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  std::string line;
  append_machine_entry(line, outcome.entry, path_, facts_, account_->rights, {});
  begin_reply(output_, Code::file_action_okay, say("Listing follows."));
  continue_reply(output_, line);
  reply(Code::file_action_okay, "End.");
}

}  // namespace core
