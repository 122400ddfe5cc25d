// Ranges and digests: RANG, HASH with its OPTS, and the commands that clients knew before HASH: XCRC XMD5 XSHA XSHA1
// XSHA256 XSHA512. draft-bryan-ftp-range-08, draft-bryan-ftpext-hash-02.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "core/pi_reply.hpp"
#include "core/text.hpp"

namespace core {
namespace {

struct Refused {
  int error;
  Code code;  ///< HASH 3.5; the older commands have only 550
  Phrase text;
};
constexpr std::array refused{
    Refused{EISDIR, Code::name_not_allowed, "The digest of a directory is not defined."},
    Refused{EACCES, Code::not_permitted, "Permission denied."},
    Refused{EPERM, Code::not_permitted, "Permission denied."},
    Refused{ENXIO, Code::not_deliverable, "Not a regular file."},
    Refused{ERANGE, Code::not_deliverable, "The range lies beyond the end of the file."},
    Refused{EFBIG, Code::against_policy, "That is more than is hashed here."},
    Refused{ECANCELED, Code::local_error, "Aborted."},
};

struct Checksum {
  std::string_view verb;
  HashAlgorithm algorithm;
};
constexpr std::array checksums{
    Checksum{"XCRC", HashAlgorithm::crc32},      Checksum{"XMD5", HashAlgorithm::md5},
    Checksum{"XSHA", HashAlgorithm::sha_1},      Checksum{"XSHA1", HashAlgorithm::sha_1},
    Checksum{"XSHA256", HashAlgorithm::sha_256}, Checksum{"XSHA512", HashAlgorithm::sha_512},
};

/// `"a ""b""" 0 100`, `a b 0 100` or `a b`: a name and, behind it, where to begin and where to stop. One number behind
/// a name in quotes is where to stop; behind one without, it is the name's own.
struct ChecksumArgument {
  std::string name;
  OctetRange range;
};

/// Takes the last word off, if it is a number.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  const std::size_t space = text.rfind(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto number = parse_number(text.substr(space + 1));
  if (number) text = text.substr(0, space);
  return number;
}

std::optional<ChecksumArgument> without_quotes(std::string_view text) {
  ChecksumArgument argument{.name = std::string(text), .range = {}};
  const auto end = take_number(text);
  const auto begin = end ? take_number(text) : std::nullopt;
  if (begin) argument = {.name = std::string(text), .range = {*begin, *end}};
  return argument;
}

std::optional<ChecksumArgument> parse_checksum_argument(std::string_view text) {
  if (!text.starts_with('"')) return without_quotes(text);
  ChecksumArgument argument;
  text.remove_prefix(1);
  for (;; text.remove_prefix(1)) {
    if (text.empty()) return std::nullopt;
    if (text.starts_with("\"\"")) {
      text.remove_prefix(1);
    } else if (text.front() == '"') {
      break;
    }
    argument.name += text.front();
  }
  text.remove_prefix(1);
  if (text.empty()) return argument;
  const auto end = take_number(text);
  const auto begin = end ? take_number(text) : std::nullopt;
  if (!end || !text.empty()) return std::nullopt;
  argument.range = {begin.value_or(0), *end};
  return argument;
}

}  // namespace

// ---- RANG ----

// "RANG 1 0" resets. Whether the range fits a file is for the command to say that uses it (4.3).
void Pi::on_rang(std::string_view argument) {
  argument = without_trailing_blank(argument);
  forget_restart();
  const std::size_t space = std::min(argument.find(' '), argument.size());
  const auto first = parse_number(argument.substr(0, space));
  const auto last = parse_number(argument.substr(std::min(space + 1, argument.size())), INT64_MAX - 1);
  if (!first || !last) return reply(Code::bad_parameter, "Wanted: the first octet and the last one.");
  if (*first == 1 && *last == 0) return reply(Code::pending_further, "The whole file again.");
  if (*first > *last) return reply(Code::bad_parameter, "The range ends before it begins; the whole file again.");
  if (!account_->rights.has(Right::read) && !account_->rights.has(Right::write))
    return reply(Code::not_permitted, "Permission denied.");
  if (!travels_unchanged(as_)) return reply(Code::not_deliverable, "Ranges are for TYPE I, STRU F and MODE S.");
  range_ = OctetRange{*first, *last + 1};
  reply_as_is(Code::pending_further,
              fmt::format("Restarting at {}. End octet range at {}.", *first, *last));  // RANG 3.1
}

// ---- HASH ----

// The octets that RETR would send in TYPE I and MODE S, whatever is set (3).
void Pi::on_hash(std::string_view argument) {
  const OctetRange range = range_.value_or(OctetRange());
  forget_restart();
  if (!account_->rights.has(Right::read)) return reply(Code::not_permitted, "Permission denied.");
  begin_digest(argument, {.algorithm = hash_, .range = range}, &Pi::after_hash);
}

void Pi::begin_digest(std::string_view name, WorkSpec wanted, After at_end) {
  if (!resolve(name)) return;
  given_.assign(name);
  wanted.kind = WorkSpec::Kind::digest;
  wanted.path = path_;
  begin_work(wanted, at_end);
}

void Pi::after_hash(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_digest(outcome.error);
  const auto& [begin, end] = outcome.range;
  // An octet range holds one octet at least: there is no other way to write that of an empty file.
  const std::uint64_t last = std::max(end, begin + 1) - 1;
  reply_to(transfer_, Code::file_status,
           fmt::format("{} {}-{} {} {}", name_of(hash_), begin, last, outcome.text, given_));
}

void Pi::after_checksum(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_digest(outcome.error);
  reply_to(transfer_, Code::file_action_okay, outcome.text);
}

void Pi::refuse_digest(int error) {
  Refusal why = refusal(error, false);
  const auto* const row = std::ranges::find(refused, error, &Refused::error);
  if (row != refused.end()) why = {.code = row->code, .text = row->text};
  reply_to(transfer_, admits(*transfer_.row, number(why.code)) ? why.code : Code::unavailable, say(why.text));
}

void Pi::opts_hash(std::string_view options) {
  const auto algorithm = options.empty() ? hash_ : find_hash(options);
  if (!algorithm) return reply(Code::bad_parameter, "Unknown algorithm, current selection not changed.");
  hash_ = *algorithm;
  reply_as_is(Code::okay, name_of(hash_));
}

// ---- XCRC and its kin ----

void Pi::on_checksum(std::string_view argument) {
  const auto* const checksum = std::ranges::find(checksums, foreground_.row->verb, &Checksum::verb);
  const auto wanted = parse_checksum_argument(argument);
  if (!wanted || wanted->name.empty())
    return reply(Code::bad_parameter, "Syntax: {} {}", foreground_.row->verb, foreground_.row->syntax);
  begin_digest(wanted->name, {.algorithm = checksum->algorithm, .range = wanted->range, .inside = true},
               &Pi::after_checksum);
}

}  // namespace core
