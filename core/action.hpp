// What the protocol interpreter may ask of the world, and what it may be told back. Values only:
// net/session.cpp performs actions, tests perform them by hand. Views live until the outcome is told.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/accounts.hpp"
#include "core/digest.hpp"
#include "core/endpoint.hpp"
#include "core/facts.hpp"
#include "core/listing.hpp"
#include "core/modify.hpp"
#include "core/representation.hpp"

namespace core {

/// Octets of a file, up to without `end`. RANG; by default the whole file.
struct OctetRange {
  static constexpr std::uint64_t no_end = UINT64_MAX;
  std::uint64_t begin = 0, end = no_end;
  bool operator==(const OctetRange&) const = default;
};

/// What a transfer command moves, and how. Paths are absolute below the user's root.
struct TransferSpec {
  enum class Kind : std::uint8_t { retrieve, store, append, store_unique, list };
  Kind kind = Kind::retrieve;
  std::string_view path{};  ///< the file; for a listing the directory or file listed; for STOU the name to begin with
  Representation as{};
  std::uint64_t offset = 0;                ///< REST: where in the file to begin
  std::uint64_t end = OctetRange::no_end;  ///< RANG: octets from here on are neither sent nor changed
  std::uint64_t skip = 0;                  ///< RETR: octets to leave out of what is sent from there
  std::string_view state{};                ///< REST: what the codec held there (core::Codec::state)
  std::uint64_t allocate = 0;              ///< ALLO, octets; 0: not told
  bool only_passive = false;               ///< EPSV ALL: no connection to the default port either
  bool secured = false;                    ///< PROT P: no octet before a TLS handshake
  std::uint32_t file_mode = 0644;          ///< of a file that is made
  bool resumes = false;  ///< that handshake must resume the control connection's TLS session (RFC 4217 10.2)
  bool ranged() const { return end != OctetRange::no_end; }

  // Listings only.
  ListFormat format = ListFormat::list;
  std::string_view pattern{};  ///< wildcard that names must match; empty: all
  std::string_view prefix{};   ///< what NLST puts before each name of a directory
  std::string_view given{};    ///< the name of a single object, as the client wrote it
  bool hidden = true;          ///< names that begin with a dot too
  bool directory_itself = false;
  bool directory_only = false;  ///< MLSD: a file is refused (501)
  FactSet facts{};
  bool recursive = false;  ///< what lies below as well
  ListOrder order = ListOrder::none;
  bool reverse = false;
};

/// What a command does that moves nothing over a data connection and may take long all the same. Paths are absolute.
/// EUSERS: limits.heavy_works are under way. E2BIG: a tree is more than is looked through.
struct WorkSpec {
  enum class Kind : std::uint8_t {
    measure_tree,      ///< Outcome::number: octets that a directory and all below it occupy
    remove_tree,       ///< a directory and all below it; goes on behind what cannot be removed, whose error is told
    move,              ///< the one of `sources` is copied to `path`, with its time and mode, and removed then
    copy,              ///< `sources`, one behind the other, become `path`, or stay what it was if that fails
    combine,           ///< the same, behind what `path` holds already; then the sources are removed
    make_directories,  ///< `path`, and what of the way to it is missing
    digest,            ///< Outcome::text: in hex, of the octets of Outcome::range; EFBIG: limits.digest_max_bytes
  };
  Kind kind = Kind::measure_tree;
  std::string_view path{};
  std::span<const std::string> sources{};
  std::uint32_t mode = 0;  ///< of what is made
  bool replaces = true;    ///< move: else EEXIST where `path` is there

  // Digests only.
  HashAlgorithm algorithm{};
  OctetRange range{};   ///< what lies behind the end of the file is cut off
  bool inside = false;  ///< or refused instead (ERANGE)
};

/// A session as SITE WHO shows it.
struct SessionSight {
  std::uint64_t id = 0;
  std::string user;    ///< empty: nobody is logged in
  std::string client;  ///< what CLNT or CSID said
  std::string doing;   ///< the verb of the command that runs; empty: none
  Endpoint peer{};
  std::int64_t quiet_ns = 0;  ///< since it was heard last
};

namespace action {

struct Verify {  ///< a password against a crypt(3) hash; EACCES: it does not match; EBUSY: too many wait already
  std::string_view hash, password;
  std::string_view user;  ///< the name that USER gave, for the log
};
struct EnterRoot {  ///< this directory, the account's own or one of its mounts, is "/" from now on
  const Account* account;
  const std::string* root;
  std::optional<std::uint32_t> make_with_mode{};  ///< it is made when it is missing
};
/// Which object a path is about that ends with the name of a symbolic link.
enum class LinkAtEnd : std::uint8_t {
  follow,    ///< what the link leads to
  itself,    ///< the link
  fallback,  ///< what it leads to, or the link itself where that is nothing below the root
};
struct Look {  ///< Outcome::entry
  std::string_view path;
  LinkAtEnd link = LinkAtEnd::follow;
  bool to_enter = false;  ///< EACCES where the names in a directory cannot be used, ENOTDIR where it is none
};
struct Measure {  ///< octets of a file as they travel, up to `until`: Outcome::number; EFBIG past the bound
  std::string_view path;
  Representation as;
  std::uint64_t until = UINT64_MAX;
};
struct MakeDirectory {
  std::string_view path;
  std::uint32_t mode;
};
struct Remove {
  std::string_view path;
  bool directory;
};
/// In place of EXDEV, which says that a path leads out of the root: the two names are on different file systems.
inline constexpr int other_file_system = EREMOTE;
struct Rename {
  std::string_view from, to;
  bool replaces;  ///< what has the name `to`; else EEXIST
};
struct SetFacts {  ///< Outcome::entry, as it is then
  std::string_view path;
  Modification wanted;
};
struct LookForSpace {  ///< Outcome::number: octets that can still be stored in this directory
  std::string_view path;
};
struct MakeLink {  ///< a symbolic link, in a directory that no link leads to
  std::string_view path;
  std::string_view target;  ///< the text of the link
};
struct BeginWork {  ///< what may take long; its end is told by Pi::on_work_end
  WorkSpec spec;
};
struct ListSessions {  ///< Outcome::sessions, up to `most`, and how many there are in Outcome::number
  std::size_t most;
};
struct EndSession {  ///< ENOENT: there is none of that number
  std::uint64_t id;
};
struct Aim {  ///< PORT, EPRT: an earlier listener or data connection is closed
  Endpoint endpoint;
};
struct Listen {  ///< PASV, EPSV: an earlier one is closed; Outcome::endpoint has the port
};
struct DropData {  ///< close whatever data connection or listener there is; the default ports hold again
};
struct StartTransfer {  ///< opens the file or directory; told back before any data connection is made
  TransferSpec spec;
};
struct Proceed {  ///< 150 or 125 has been answered: open the data connection and move
};
struct Abort {  ///< stop the transfer, or the work; its end is told as ever
};
struct ListToControl {  ///< STAT with a path: Outcome::entry first, then nothing until MoreListing
  TransferSpec spec;
};
struct PrepareTls {       ///< AUTH: whatever a handshake needs, before it is agreed on
  std::string_view host;  ///< whose certificate is shown if the client asks for none; empty: no host's
};
struct BeginTls {  ///< once all output is sent: the handshake. Outcome::names and server_name; if it fails, the end
};
struct EndTls {  ///< once all output is sent: the control connection goes on in the clear
};
struct MoreListing {  ///< Outcome::text: whole lines; Outcome::last with the end
};

}  // namespace action

using Action =
    std::variant<action::Verify, action::EnterRoot, action::Look, action::Measure, action::MakeDirectory,
                 action::Remove, action::Rename, action::Aim, action::Listen, action::DropData, action::StartTransfer,
                 action::Proceed, action::Abort, action::ListToControl, action::MoreListing, action::PrepareTls,
                 action::BeginTls, action::EndTls, action::SetFacts, action::LookForSpace, action::MakeLink,
                 action::BeginWork, action::ListSessions, action::EndSession>;

/// How an action ended. Only the fields that its action names mean something.
struct Outcome {
  int error = 0;  ///< errno value; 0: done
  Entry entry{};
  Endpoint endpoint{};
  std::uint64_t number = 0;
  /// Measure: the last point at which the codec held nothing: octets of the file, and what they became.
  std::uint64_t split_offset = 0, split_number = 0;
  std::string_view text{};  ///< StartTransfer: the name that STOU chose; MoreListing: lines, each with CR LF; digests
  std::span<const std::string> names{};  ///< BeginTls: those of the client in the certificate it showed
  std::string_view server_name{};        ///< BeginTls: the host that the client asked for (SNI); empty: none
  bool connected = false;                ///< StartTransfer: the data connection is open already (125)
  OctetRange range{};                    ///< BeginWork of a digest: what there was
  std::span<const SessionSight> sessions{};
  bool last = false;  ///< MoreListing: nothing follows
};

/// How a transfer ended that had been answered with 1yz.
struct TransferEnd {
  enum class Cause : std::uint8_t {
    complete,
    no_connection,  ///< the data connection could not be opened (425)
    not_secured,    ///< its TLS handshake failed (522)
    not_resumed,    ///< the handshake did not resume the control connection's session, and has to (522)
    broken,         ///< the peer, or the network, broke it (426)
    aborted,        ///< as asked by Abort (426)
    stalled,        ///< nothing moved within data.stall_timeout_s (426)
    file_error,     ///< `error` is the file's (451, 452, 552)
  };
  Cause cause = Cause::complete;
  int error = 0;             ///< errno value behind the cause, where there is one
  std::uint64_t octets = 0;  ///< moved on the data connection
  bool stays_open = false;   ///< the data connection is kept for the next transfer (250)
};

/// For STAT while a transfer moves, or while something is done that takes long.
struct TransferProgress {
  std::uint64_t octets = 0;
  std::uint64_t total = 0;    ///< that there will be, where that is known; 0: not known
  std::uint64_t objects = 0;  ///< of a tree, seen or removed
  bool connected = false;
};

}  // namespace core
