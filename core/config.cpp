// Reads config.toml: one table with a row a key, walked for types, ranges, unknown keys and their nearest
// known neighbour. Knows the TOML library and what a valid value is; must not know whether a directory
// exists or a port is free (net/ reports that with ParsedConfig::line_of). The contract is config.toml itself.
#include "core/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <span>
#include <utility>
#include <variant>

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// It asserts what it reports as an error two lines on: "[" at a line's end would stop the server without a word.
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>

#include "core/host_name.hpp"
#include "core/text.hpp"

namespace core {
namespace {

// ---- what a row may hold ----

/// What is being read. The rows of [anonymous] and [[user]] fill an account that becomes part of the
/// Config when its table is done.
struct Draft {
  /// A [[host]]: what it leaves out and whom it names is known only when all is read.
  struct Host {
    std::vector<std::string> names, users;
    std::optional<std::string> title, greeting;
    std::optional<Language> language;
    HostState state = HostState::up;
    std::string root, certificate, key, ocsp_response;
    Accounts own;
    std::optional<Account> anonymous;
  };

  Config config;
  Account anonymous;
  bool anonymous_enabled = false;
  Account user;
  Config::Tls::Certificate certificate;
  Host host;
  std::vector<Host> hosts;
};

struct Integer {
  std::int64_t& (*at)(Draft&);
  std::int64_t least, most;
  std::string_view unit;  ///< plural, for the message
};
struct Flag {
  bool& (*at)(Draft&);
};
/// A string that `accept` turns into a value; false: it is not `form`.
struct Text {
  bool (*accept)(Draft&, std::string_view);
  std::string_view form;  ///< what the string must be, as a sentence that begins with "must"
};
/// An array of strings, each added by `accept`.
struct List {
  void (*clear)(Draft&);
  bool (*accept)(Draft&, std::string_view);
  std::string_view form;
  bool or_one = false;  ///< a string alone is a list of one
};

struct Row {
  std::string_view section, key;
  std::variant<Integer, Flag, Text, List> value;
};

// ---- how strings become values ----

/// A chain of members that begins in the Draft or in its Config, as a function that a row can hold.
template <auto First, auto... Rest>
auto& at(Draft& draft) {
  if constexpr (requires { draft.*First; }) {
    return ((draft.*First).*....*Rest);
  } else {
    return ((draft.config.*First).*....*Rest);
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// One line of text. A control character would break the reply or the log line that shows it.
bool is_line(std::string_view text) { return std::ranges::none_of(text, is_control); }

template <auto... Members>
bool accept_line(Draft& draft, std::string_view text) {
  at<Members...>(draft) = text;
  return is_line(text);
}

template <auto... Members>
bool accept_filled_line(Draft& draft, std::string_view text) {
  return accept_line<Members...>(draft, text) && !text.empty();
}

constexpr std::string_view line_form = "must be one line of text";
constexpr std::string_view filled_line_form = "must be one line of text, and not empty";
constexpr std::string_view root_form = "must be the directory that the user sees as \"/\"";

/// One of the words of `Words`, an array of pairs of a word and its value.
template <const auto& Words, auto... Members>
bool accept_choice(Draft& draft, std::string_view word) {
  const auto found = std::ranges::find(Words, word, [](const auto& pair) { return pair.first; });
  if (found == std::end(Words)) return false;
  at<Members...>(draft) = found->second;
  return true;
}

template <typename Value, std::size_t count>
using Choices = std::array<std::pair<std::string_view, Value>, count>;

constexpr Choices<BackendChoice, 3> backends{{
    {"auto", BackendChoice::automatic},
    {"io_uring", BackendChoice::io_uring},
    {"epoll", BackendChoice::epoll},
}};
constexpr Choices<Publish, 3> publishing{{
    {"direct", Publish::direct},
    {"atomic", Publish::atomic},
    {"durable", Publish::durable},
}};
constexpr Choices<BlockModes, 3> block_modes{{
    {"announced", BlockModes::announced},
    {"always", BlockModes::always},
    {"never", BlockModes::never},
}};
constexpr Choices<LogLevel, 4> log_levels{{
    {"debug", LogLevel::debug},
    {"info", LogLevel::info},
    {"warning", LogLevel::warning},
    {"error", LogLevel::error},
}};
constexpr Choices<HostState, 3> host_states{{
    {"up", HostState::up},
    {"down", HostState::down},
    {"disabled", HostState::disabled},
}};
constexpr Choices<AccountFor, 2> accounts_for{{
    {"login", AccountFor::login},
    {"storing", AccountFor::storing},
}};
constexpr Choices<const char*, 3> tls_requirements{{
    {"never", "never"},
    {"control", "control"},
    {"data", "data"},
}};

constexpr Choices<TlsVersion, 2> tls_versions{{
    {"1.2", TlsVersion::v1_2},
    {"1.3", TlsVersion::v1_3},
}};
constexpr Choices<ClientCertificates, 3> client_certificates{{
    {"off", ClientCertificates::off},
    {"optional", ClientCertificates::optional},
    {"required", ClientCertificates::required},
}};
constexpr Choices<bool, 2> resumption{{{"prefer", false}, {"require", true}}};
constexpr Choices<bool, 2> automatic_or_off{{{"auto", true}, {"off", false}}};

template <auto Parse, auto... Members>
bool append_parsed(Draft& draft, std::string_view text) {
  auto value = Parse(text);
  if (value) at<Members...>(draft).push_back(*value);
  return value.has_value();
}

template <auto... Members>
void clear(Draft& draft) {
  at<Members...>(draft).clear();
}

constexpr std::string_view endpoint_form = R"(must be an address and a port: "0.0.0.0:2121" or "[::]:2121")";
constexpr std::string_view network_form =
    R"(must be a network or an address: "10.0.0.0/8", "2001:db8::/32", "192.0.2.1")";

/// A name that HOST may ask for. An address is none: HOST with one asks for what stands outside [[host]].
template <auto... Members>
bool append_host_name(Draft& draft, std::string_view text) {
  const auto host = parse_host_name(text);
  if (host) at<Members...>(draft).push_back(host->name);
  return host && !host->address;
}

template <auto... Members>
bool append_line(Draft& draft, std::string_view text) {
  at<Members...>(draft).emplace_back(text);
  return is_line(text);
}

template <auto... Members>
bool accept_language(Draft& draft, std::string_view text) {
  const auto language = find_language(text);
  at<Members...>(draft) = language.value_or(Language::en);
  return language.has_value();
}

constexpr std::string_view host_names_form =
    R"(must be host names as DNS has them, such as "ftp.example.org" or "xn--mller-kva.example")";
constexpr std::string_view language_form = R"(must be "en" or "de")";
static_assert(language_count == 2, "the language is named in language_form too");

bool accept_port_range(Draft& draft, std::string_view text) {
  constexpr unsigned highest = 65535, first_unprivileged = 1024;
  unsigned first = 0, last = 0;
  const char* const end = text.data() + text.size();
  const auto low = std::from_chars(text.data(), end, first);
  if (low.ec != std::errc() || low.ptr == end || *low.ptr != '-') return false;
  const auto high = std::from_chars(low.ptr + 1, end, last);
  if (high.ec != std::errc() || high.ptr != end) return false;
  if (first < first_unprivileged || first > last || last > highest) return false;
  draft.config.data.passive_ports = {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
  return true;
}

bool accept_passive_address(Draft& draft, std::string_view text) {
  constexpr std::uint8_t first_multicast = 224;
  draft.config.data.passive_address = text == "auto" ? std::nullopt : parse_address(text);
  const auto& address = draft.config.data.passive_address;
  // 227 has room for IPv4 alone. No client reaches 0.0.0.0, nor a multicast or reserved address.
  return text == "auto" || (address && address->family == Family::ipv4 && address->address[0] > 0 &&
                            address->address[0] < first_multicast);
}

/// Octal permission bits, not above `most`.
template <std::int64_t most, auto... Members>
bool accept_octal(Draft& draft, std::string_view text) {
  auto& mode = at<Members...>(draft);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  return error == std::errc() && end == text.data() + text.size() && mode >= 0 && mode <= most;
}

/// What crypt(3) prints: "$id$…", the 13 characters of DES, or the 20 of its BSD extension. So that a
/// password in plain text, which could never match, is found at once.
bool looks_like_hash(std::string_view text) {
  const auto is_hash_character = [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '/'; };
  if (text.starts_with('$')) return text.find('$', 2) != std::string_view::npos && is_line(text);
  if (text.starts_with('_')) return text.size() == 20 && std::ranges::all_of(text.substr(1), is_hash_character);
  return text.size() == 13 && std::ranges::all_of(text, is_hash_character);
}

bool accept_password(Draft& draft, std::string_view text) {
  draft.user.password_hash = text;
  return text.empty() || looks_like_hash(text);
}

template <auto Member>
void clear_rights(Draft& draft) {
  (draft.*Member).rights = {};
}

template <auto Member>
bool add_right(Draft& draft, std::string_view word) {
  const auto right = parse_right(word);
  if (right) (draft.*Member).rights.set(*right);
  return right.has_value();
}

template <auto Member>
void clear_mounts(Draft& draft) {
  (draft.*Member).mounts.clear();
}

/// "name=directory": the name has no slash, so that it is told apart from a path.
template <auto Member>
bool add_mount(Draft& draft, std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  Mount mount{.name = std::string(text.substr(0, equals)), .root = std::string(text.substr(equals + 1))};
  auto& mounts = (draft.*Member).mounts;
  const bool good = is_line(text) && !mount.name.empty() && !mount.root.empty() && !mount.name.contains('/') &&
                    std::ranges::find(mounts, mount.name, &Mount::name) == mounts.end();
  mounts.push_back(std::move(mount));
  return good;
}

constexpr std::string_view mounts_form =
    R"(must be "name=directory" for each structure that SMNT mounts, no name twice: ["archive=/srv/archive"])";
constexpr std::string_view rights_form =
    R"(must be rights: "list", "read", "write", "delete", "rename", "mkdir", "site", "admin")";

// ---- every key ----

constexpr std::array rows{
    Row{"server", "name", Text{accept_filled_line<&Config::server, &Config::Server::name>, filled_line_form}},
    Row{"server", "greeting", Text{accept_line<&Config::server, &Config::Server::greeting>, line_form}},
    Row{"server", "hosts",
        List{clear<&Config::server, &Config::Server::hosts>, append_host_name<&Config::server, &Config::Server::hosts>,
             host_names_form, true}},
    Row{"server", "language", Text{accept_language<&Config::server, &Config::Server::language>, language_form}},
    Row{"server", "drain_timeout_s",
        Integer{at<&Config::server, &Config::Server::drain_timeout_s>, 0, 86'400, "seconds"}},
    Row{"server", "workers",
        Integer{at<&Config::server, &Config::Server::workers>, 0, 256, "workers (0: one for each CPU)"}},

    Row{"listen", "control",
        List{clear<&Config::listen, &Config::Listen::control>,
             append_parsed<parse_endpoint, &Config::listen, &Config::Listen::control>, endpoint_form}},
    Row{"listen", "implicit_tls",
        List{clear<&Config::listen, &Config::Listen::implicit_tls>,
             append_parsed<parse_endpoint, &Config::listen, &Config::Listen::implicit_tls>, endpoint_form}},
    Row{"listen", "proxy_protocol_from",
        List{clear<&Config::listen, &Config::Listen::proxy_protocol_from>,
             append_parsed<parse_network, &Config::listen, &Config::Listen::proxy_protocol_from>, network_form}},
    Row{"listen", "backlog", Integer{at<&Config::listen, &Config::Listen::backlog>, 1, 65'535, "connections"}},

    Row{"io", "backend",
        Text{accept_choice<backends, &Config::io, &Config::Io::backend>, R"(must be "auto", "io_uring" or "epoll")"}},
    Row{"io", "ring_entries", Integer{at<&Config::io, &Config::Io::ring_entries>, 8, 32'768, "entries"}},
    Row{"io", "offload_threads", Integer{at<&Config::io, &Config::Io::offload_threads>, 1, 64, "threads"}},

    Row{"data", "passive_ports",
        Text{accept_port_range,
             R"(must be "first-last", such as "50000-50999": first not above last, both from 1024 to 65535)"}},
    Row{"data", "passive_address",
        Text{accept_passive_address, R"(must be "auto" or the IPv4 address that clients reach, such as "192.0.2.1")"}},
    Row{"data", "foreign_addresses",
        List{clear<&Config::data, &Config::Data::foreign_addresses>,
             append_parsed<parse_network, &Config::data, &Config::Data::foreign_addresses>, network_form}},
    Row{"data", "active", Flag{at<&Config::data, &Config::Data::active>}},
    Row{"data", "active_port_fallback", Flag{at<&Config::data, &Config::Data::active_port_fallback>}},
    Row{"data", "block_modes",
        Text{accept_choice<block_modes, &Config::data, &Config::Data::block_modes>,
             R"(must be "announced", "always" or "never")"}},
    Row{"data", "connect_timeout_s", Integer{at<&Config::data, &Config::Data::connect_timeout_s>, 1, 3'600, "seconds"}},
    Row{"data", "stall_timeout_s", Integer{at<&Config::data, &Config::Data::stall_timeout_s>, 1, 86'400, "seconds"}},
    Row{"data", "buffer_kib", Integer{at<&Config::data, &Config::Data::buffer_kib>, 4, 16'384, "KiB"}},
    Row{"data", "marker_interval_bytes",
        Integer{at<&Config::data, &Config::Data::marker_interval_bytes>, 0, 1'099'511'627'776,
                "octets (0: no markers)"}},

    Row{"tuning", "slice_kib", Integer{at<&Config::tuning, &Config::Tuning::slice_kib>, 16, 1'048'576, "KiB"}},
    Row{"tuning", "turn_us", Integer{at<&Config::tuning, &Config::Tuning::turn_us>, 10, 1'000'000, "microseconds"}},
    Row{"tuning", "copy_kib", Integer{at<&Config::tuning, &Config::Tuning::copy_kib>, 0, 1'024, "KiB"}},
    Row{"tuning", "gather_kib",
        Integer{at<&Config::tuning, &Config::Tuning::gather_kib>, 0, 16'384, "KiB (0: each file by itself)"}},
    Row{"tuning", "cold_read_kib", Integer{at<&Config::tuning, &Config::Tuning::cold_read_kib>, 16, 16'384, "KiB"}},
    Row{"tuning", "unsent_kib",
        Integer{at<&Config::tuning, &Config::Tuning::unsent_kib>, 0, 1'048'576, "KiB (0: no limit)"}},
    Row{"tuning", "send_buffer_kib",
        Integer{at<&Config::tuning, &Config::Tuning::send_buffer_kib>, 0, 1'048'576, "KiB (0: the kernel's)"}},
    Row{"tuning", "receive_buffer_kib",
        Integer{at<&Config::tuning, &Config::Tuning::receive_buffer_kib>, 0, 1'048'576, "KiB (0: the kernel's)"}},
    Row{"tuning", "congestion_control",
        Text{accept_line<&Config::tuning, &Config::Tuning::congestion_control>, line_form}},
    Row{"tuning", "busy_poll_us",
        Integer{at<&Config::tuning, &Config::Tuning::busy_poll_us>, 0, 1'000'000, "microseconds (0: the host's)"}},
    Row{"tuning", "pipes", Integer{at<&Config::tuning, &Config::Tuning::pipes>, 0, 1'024, "pipes"}},
    Row{"tuning", "pipe_kib", Integer{at<&Config::tuning, &Config::Tuning::pipe_kib>, 64, 1'048'576, "KiB"}},
    Row{"tuning", "slow_write_ms",
        Integer{at<&Config::tuning, &Config::Tuning::slow_write_ms>, 0, 60'000, "milliseconds"}},
    Row{"tuning", "slow_writes_rest_ms",
        Integer{at<&Config::tuning, &Config::Tuning::slow_writes_rest_ms>, 0, 3'600'000, "milliseconds"}},
    Row{"tuning", "open_files",
        Integer{at<&Config::tuning, &Config::Tuning::open_files>, 0, 1'000'000, "files (0: none)"}},
    Row{"tuning", "preallocate_mib",
        Integer{at<&Config::tuning, &Config::Tuning::preallocate_mib>, 0, 65'536, "MiB (0: nothing)"}},

    Row{"listing", "cache_mib", Integer{at<&Config::listing, &Config::Listing::cache_mib>, 0, 65'536, "MiB (0: none)"}},

    Row{"tls", "certificate", Text{accept_line<&Config::tls, &Config::Tls::certificate>, line_form}},
    Row{"tls", "key", Text{accept_line<&Config::tls, &Config::Tls::key>, line_form}},
    Row{"tls", "require",
        Text{accept_choice<tls_requirements, &Config::tls, &Config::Tls::require>,
             R"(must be "never", "control" or "data")"}},
    Row{"tls", "min_version",
        Text{accept_choice<tls_versions, &Config::tls, &Config::Tls::min_version>, R"(must be "1.2" or "1.3")"}},
    Row{"tls", "ciphers", Text{accept_line<&Config::tls, &Config::Tls::ciphers>, line_form}},
    Row{"tls", "ciphersuites", Text{accept_line<&Config::tls, &Config::Tls::ciphersuites>, line_form}},
    Row{"tls", "data_resumption",
        Text{accept_choice<resumption, &Config::tls, &Config::Tls::resumption_required>,
             R"(must be "prefer" or "require")"}},
    Row{"tls", "client_certificates",
        Text{accept_choice<client_certificates, &Config::tls, &Config::Tls::client_certificates>,
             R"(must be "off", "optional" or "required")"}},
    Row{"tls", "client_ca", Text{accept_line<&Config::tls, &Config::Tls::client_ca>, line_form}},
    Row{"tls", "crl", Text{accept_line<&Config::tls, &Config::Tls::crl>, line_form}},
    Row{"tls", "ocsp_response", Text{accept_line<&Config::tls, &Config::Tls::ocsp_response>, line_form}},
    Row{"tls", "handshake_timeout_s",
        Integer{at<&Config::tls, &Config::Tls::handshake_timeout_s>, 1, 3'600, "seconds"}},
    Row{"tls", "ktls",
        Text{accept_choice<automatic_or_off, &Config::tls, &Config::Tls::ktls>, R"(must be "auto" or "off")"}},
    Row{"tls", "ccc", Flag{at<&Config::tls, &Config::Tls::ccc>}},

    Row{"certificate", "certificate",
        Text{accept_filled_line<&Draft::certificate, &Config::Tls::Certificate::certificate>, filled_line_form}},
    Row{"certificate", "key",
        Text{accept_filled_line<&Draft::certificate, &Config::Tls::Certificate::key>, filled_line_form}},
    Row{"certificate", "ocsp_response",
        Text{accept_line<&Draft::certificate, &Config::Tls::Certificate::ocsp_response>, line_form}},

    Row{"limits", "sessions", Integer{at<&Config::limits, &Config::Limits::sessions>, 1, 1'000'000, "sessions"}},
    Row{"limits", "sessions_per_address",
        Integer{at<&Config::limits, &Config::Limits::sessions_per_address>, 0, 1'000'000, "sessions (0: no limit)"}},
    Row{"limits", "ipv6_prefix",
        Integer{at<&Config::limits, &Config::Limits::ipv6_prefix>, 1, 128, "bits of an IPv6 address"}},
    Row{"limits", "idle_timeout_s",
        Integer{at<&Config::limits, &Config::Limits::idle_timeout_s>, 0, 604'800, "seconds (0: never)"}},
    Row{"limits", "idle_timeout_max_s",
        Integer{at<&Config::limits, &Config::Limits::idle_timeout_max_s>, 0, 604'800, "seconds"}},
    Row{"limits", "login_timeout_s",
        Integer{at<&Config::limits, &Config::Limits::login_timeout_s>, 0, 86'400, "seconds (0: any time)"}},
    Row{"limits", "login_failures",
        Integer{at<&Config::limits, &Config::Limits::login_failures>, 1, 1'000, "failures"}},
    Row{"limits", "login_failure_delay_ms",
        Integer{at<&Config::limits, &Config::Limits::login_failure_delay_ms>, 0, 60'000, "milliseconds"}},
    Row{"limits", "logins_waiting",
        Integer{at<&Config::limits, &Config::Limits::logins_waiting>, 1, 100'000, "passwords"}},
    Row{"limits", "transfer_buffers",
        Integer{at<&Config::limits, &Config::Limits::transfer_buffers>, 1, 1'000'000, "buffers"}},
    Row{"limits", "deflate_level",
        Integer{at<&Config::limits, &Config::Limits::deflate_level>, 0, 9, "as zlib counts levels (0: no MODE Z)"}},
    Row{"limits", "inflate_ratio",
        Integer{at<&Config::limits, &Config::Limits::inflate_ratio>, 0, 1'100, "octets for each octet (0: any)"}},
    Row{"limits", "heavy_works", Integer{at<&Config::limits, &Config::Limits::heavy_works>, 1, 10'000, "works"}},
    Row{"limits", "digest_max_bytes",
        Integer{at<&Config::limits, &Config::Limits::digest_max_bytes>, 0, INT64_MAX, "octets (0: no limit)"}},

    Row{"anonymous", "enabled", Flag{at<&Draft::anonymous_enabled>}},
    Row{"anonymous", "root", Text{accept_filled_line<&Draft::anonymous, &Account::root>, root_form}},
    Row{"anonymous", "create_root", Flag{at<&Draft::anonymous, &Account::create_root>}},
    Row{"anonymous", "mounts", List{clear_mounts<&Draft::anonymous>, add_mount<&Draft::anonymous>, mounts_form}},
    Row{"anonymous", "allow", List{clear_rights<&Draft::anonymous>, add_right<&Draft::anonymous>, rights_form}},

    Row{"uploads", "publish",
        Text{accept_choice<publishing, &Config::uploads, &Config::Uploads::publish>,
             R"(must be "direct", "atomic" or "durable")"}},
    Row{"uploads", "file_mode",
        Text{accept_octal<0777, &Config::uploads, &Config::Uploads::file_mode>,
             R"(must be octal permissions from "0" to "0777", such as "0644")"}},
    Row{"uploads", "directory_mode",
        Text{accept_octal<03777, &Config::uploads, &Config::Uploads::directory_mode>,
             R"(must be octal permissions from "0" to "3777", such as "0755")"}},
    Row{"uploads", "file_max_bytes",
        Integer{at<&Config::uploads, &Config::Uploads::file_max_bytes>, 0, INT64_MAX, "octets (0: no limit)"}},
    Row{"uploads", "control_characters", Flag{at<&Config::uploads, &Config::Uploads::control_characters>}},
    Row{"uploads", "keep_partial", Flag{at<&Config::uploads, &Config::Uploads::keep_partial>}},

    Row{"log", "level",
        Text{accept_choice<log_levels, &Config::log, &Config::Log::level>,
             R"(must be "debug", "info", "warning" or "error")"}},
    Row{"log", "file", Text{accept_line<&Config::log, &Config::Log::file>, line_form}},

    Row{"user", "name", Text{accept_filled_line<&Draft::user, &Account::name>, filled_line_form}},
    Row{"user", "password",
        Text{accept_password,
             "must be a crypt(3) hash, never the password itself; \"build/millrace passwd\" prints a hash"}},
    Row{"user", "account", Text{accept_line<&Draft::user, &Account::account>, line_form}},
    Row{"user", "account_for",
        Text{accept_choice<accounts_for, &Draft::user, &Account::account_for>, R"(must be "login" or "storing")"}},
    Row{"user", "root", Text{accept_filled_line<&Draft::user, &Account::root>, root_form}},
    Row{"user", "create_root", Flag{at<&Draft::user, &Account::create_root>}},
    Row{"user", "mounts", List{clear_mounts<&Draft::user>, add_mount<&Draft::user>, mounts_form}},
    Row{"user", "certificate", Text{accept_line<&Draft::user, &Account::certificate>, line_form}},
    Row{"user", "data_resumption",
        Text{accept_choice<resumption, &Draft::user, &Account::resumption_required>,
             R"(must be "prefer" or "require")"}},
    Row{"user", "allow", List{clear_rights<&Draft::user>, add_right<&Draft::user>, rights_form}},

    Row{"host", "name",
        List{clear<&Draft::host, &Draft::Host::names>, append_host_name<&Draft::host, &Draft::Host::names>,
             host_names_form, true}},
    Row{"host", "title", Text{accept_filled_line<&Draft::host, &Draft::Host::title>, filled_line_form}},
    Row{"host", "greeting", Text{accept_line<&Draft::host, &Draft::Host::greeting>, line_form}},
    Row{"host", "language", Text{accept_language<&Draft::host, &Draft::Host::language>, language_form}},
    Row{"host", "state",
        Text{accept_choice<host_states, &Draft::host, &Draft::Host::state>, R"(must be "up", "down" or "disabled")"}},
    Row{"host", "users",
        List{clear<&Draft::host, &Draft::Host::users>, append_line<&Draft::host, &Draft::Host::users>,
             "must be names of [[user]]s"}},
    Row{"host", "root", Text{accept_line<&Draft::host, &Draft::Host::root>, root_form}},
    Row{"host", "certificate", Text{accept_line<&Draft::host, &Draft::Host::certificate>, line_form}},
    Row{"host", "key", Text{accept_line<&Draft::host, &Draft::Host::key>, line_form}},
    Row{"host", "ocsp_response", Text{accept_line<&Draft::host, &Draft::Host::ocsp_response>, line_form}},
};

/// Sections that are written as arrays of tables.
bool is_repeated(std::string_view section) {
  return section == "user" || section == "certificate" || section == "host";
}

/// Tables inside another: [[host.user]] and [host.anonymous] hold what [[user]] and [anonymous] hold.
bool is_nested(std::string_view section, std::string_view key) {
  return section == "host" && (key == "user" || key == "anonymous");
}

const Row* find_row(std::string_view section, std::string_view key) {
  const auto found =
      std::ranges::find_if(rows, [&](const Row& row) { return row.section == section && row.key == key; });
  return found == rows.end() ? nullptr : &*found;
}

bool is_section(std::string_view name) { return std::ranges::find(rows, name, &Row::section) != rows.end(); }

std::string heading(std::string_view section) {
  return is_repeated(section) ? fmt::format("[[{}]]", section) : fmt::format("[{}]", section);
}

// ---- what other servers call it ----

/// A key of another server, in lower case without "_" and "-", and where that stands here.
constexpr std::pair<std::string_view, std::string_view> other_names[] = {
    {"accepttimeout", "[data] connect_timeout_s"},
    {"address", "[listen] control"},
    {"anonmaxrate", "nothing: this version limits no rates"},
    {"anonroot", "[anonymous] root"},
    {"anonuploadenable", "[anonymous] allow"},
    {"anonymousenable", "[anonymous] enabled"},
    {"anonymousenabled", "[anonymous] enabled"},
    {"banner", "[server] greeting"},
    {"bind", "[listen] control"},
    {"certfile", "[tls] certificate"},
    {"chroot", "`root` of each [[user]], which nobody leaves"},
    {"chrooteveryone", "`root` of each [[user]], which nobody leaves"},
    {"chrootlocaluser", "`root` of each [[user]], which nobody leaves"},
    {"connectfromport20", "[data] active"},
    {"dataconnectiontimeout", "[data] stall_timeout_s"},
    {"defaultroot", "`root` of each [[user]], which nobody leaves"},
    {"displayconnect", "[server] greeting"},
    {"forcepassiveip", "[data] passive_address"},
    {"ftpdbanner", "[server] greeting"},
    {"group", "the service manager, as by systemd's Group="},
    {"home", "`root` of each [[user]]"},
    {"idlesessiontimeout", "[limits] idle_timeout_s"},
    {"keyfile", "[tls] key"},
    {"listenaddress", "[listen] control"},
    {"listenport", "[listen] control"},
    {"localroot", "`root` of each [[user]]"},
    {"localumask", "[uploads] file_mode and directory_mode"},
    {"logfile", "[log] file"},
    {"loglevel", "[log] level"},
    {"masqueradeaddress", "[data] passive_address"},
    {"maxclients", "[limits] sessions"},
    {"maxclientsnumber", "[limits] sessions"},
    {"maxclientsperhost", "[limits] sessions_per_address"},
    {"maxclientsperip", "[limits] sessions_per_address"},
    {"maxconnections", "[limits] sessions"},
    {"maxidletime", "[limits] idle_timeout_s"},
    {"maxinstances", "[limits] sessions"},
    {"maxloginattempts", "[limits] login_failures"},
    {"maxperip", "[limits] sessions_per_address"},
    {"maxrate", "nothing: this version limits no rates"},
    {"maxsessions", "[limits] sessions"},
    {"noanonymous", "[anonymous] enabled"},
    {"passiveip", "[data] passive_address"},
    {"passiveportrange", "[data] passive_ports"},
    {"passiveports", "[data] passive_ports"},
    {"passwordhash", "`password` of each [[user]]"},
    {"pasvaddress", "[data] passive_address"},
    {"pasvmaxport", "[data] passive_ports"},
    {"pasvminport", "[data] passive_ports"},
    {"permissions", "`allow` of each [[user]]"},
    {"pidfile", "nothing: the server stays in the foreground, where the service manager knows it"},
    {"port", "[listen] control"},
    {"quota", "nothing: this version has no quotas; [uploads] file_max_bytes bounds each file"},
    {"quotabytes", "nothing: this version has no quotas; [uploads] file_max_bytes bounds each file"},
    {"rsacertfile", "[tls] certificate"},
    {"rsaprivatekeyfile", "[tls] key"},
    {"serverident", "[server] name and greeting"},
    {"servername", "[server] name"},
    {"sslenable", "[tls] certificate"},
    {"timeoutidle", "[limits] idle_timeout_s"},
    {"timeoutlogin", "[limits] login_timeout_s"},
    {"timeoutstalled", "[data] stall_timeout_s"},
    {"tlscertificatefile", "[tls] certificate"},
    {"tlsengine", "[tls] certificate"},
    {"tlsrsacertificatefile", "[tls] certificate"},
    {"tlsrsacertificatekeyfile", "[tls] key"},
    {"umask", "[uploads] file_mode and directory_mode"},
    {"user", "[[user]], one for each user; as whom the server runs is for the service manager, as by systemd's User="},
    {"username", "`name` of each [[user]]"},
    {"welcome", "[server] greeting"},
    {"workerprocesses", "[server] workers"},
    {"writeenable", "`allow` of each [[user]]"},
    {"xferlogfile", "[log] file, where each transfer has a line"},
};

/// "; here that is ..."; empty: no other server's name.
std::string name_here(std::string_view key) {
  std::string plain = lower(key);
  std::erase_if(plain, [](char c) { return c == '_' || c == '-'; });
  const auto found = std::ranges::find(other_names, plain, [](const auto& pair) { return pair.first; });
  return found == std::end(other_names) ? std::string() : fmt::format("; here that is {}", found->second);
}

// ---- suggestions ----

/// Octets to insert, remove or replace to turn one word into the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> costs(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) costs[j] = j;
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(costs[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = costs[j + 1];
      costs[j + 1] = std::min({replaced, costs[j] + 1, costs[j + 1] + 1});
    }
  }
  return costs.back();
}

/// The nearest of the rows' words, if it is near enough to be what was meant.
template <typename Wanted>
std::string_view nearest(std::string_view word, std::string_view Row::* part, Wanted wanted) {
  std::string_view best;
  std::size_t best_distance = 2 + word.size() / 4;  // exclusive
  for (const Row& row : rows) {
    const std::size_t distance = wanted(row) ? edit_distance(word, row.*part) : best_distance;
    if (distance < best_distance) {
      best = row.*part;
      best_distance = distance;
    }
  }
  return best;
}

std::string unknown_key(std::string_view section, std::string_view key) {
  std::string what = fmt::format("unknown key `{}` in {}", key, heading(section));
  if (const std::string here = name_here(key); !here.empty()) return what + here;
  const std::string_view meant = nearest(key, &Row::key, [&](const Row& row) { return row.section == section; });
  if (!meant.empty()) return what + fmt::format("; did you mean `{}`?", meant);
  const auto elsewhere = std::ranges::find(rows, key, &Row::key);
  if (elsewhere != rows.end()) what += fmt::format("; it belongs in {}", heading(elsewhere->section));
  return what;
}

std::string unknown_section(std::string_view name) {
  if (const std::string here = name_here(name); !here.empty()) return fmt::format("unknown section [{}]{}", name, here);
  const std::string_view meant = nearest(name, &Row::section, [](const Row&) { return true; });
  if (meant.empty()) return fmt::format("unknown section [{}]", name);
  return fmt::format("unknown section [{}]; did you mean {}?", name, heading(meant));
}

std::string loose_key(std::string_view key) {
  if (const std::string here = name_here(key); !here.empty()) return fmt::format("unknown key `{}`{}", key, here);
  const auto home = std::ranges::find(rows, key, &Row::key);
  if (home == rows.end()) return fmt::format("unknown key `{}`; keys stand in sections such as [listen]", key);
  return fmt::format("stands in no section; it belongs in {}", heading(home->section));
}

// ---- reading ----

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "a boolean";
    default: return "a date or time";
  }
}

unsigned line_of(const toml::source_region& region) { return static_cast<unsigned>(region.begin.line); }

/// Puts one value where its row says; what is wrong with it goes to `complain(line, sentence)`.
template <typename Complain>
struct ValueReader {
  Draft& draft;
  const toml::node& node;
  Complain complain;

  void wrong_type(std::string_view wanted) const {
    complain(line_of(node.source()), fmt::format("must be {}, not {}", wanted, type_name(node)));
  }

  void operator()(const Integer& row) const {
    const auto* const value = node.as_integer();
    if (value == nullptr) return wrong_type("an integer");
    row.at(draft) = value->get();
    if (value->get() >= row.least && value->get() <= row.most) return;
    complain(line_of(node.source()),
             fmt::format("must be from {} to {} {}, not {}", row.least, row.most, row.unit, value->get()));
  }

  void operator()(const Flag& row) const {
    const auto* const value = node.as_boolean();
    if (value == nullptr) return wrong_type("true or false");
    row.at(draft) = value->get();
  }

  void operator()(const Text& row) const {
    const auto* const value = node.as_string();
    if (value == nullptr) return wrong_type("a string");
    if (!row.accept(draft, value->get())) complain(line_of(node.source()), std::string(row.form));
  }

  void operator()(const List& row) const {
    row.clear(draft);
    if (row.or_one && node.is_string()) return add(row, node);
    const auto* const values = node.as_array();
    if (values == nullptr) return wrong_type(row.or_one ? "a string or an array of strings" : "an array of strings");
    for (const toml::node& item : *values) add(row, item);
  }

  void add(const List& row, const toml::node& item) const {
    const auto* const text = item.as_string();
    if (text == nullptr) {
      complain(line_of(item.source()), fmt::format("must be an array of strings, not of {}", type_name(item)));
    } else if (!row.accept(draft, text->get())) {
      complain(line_of(item.source()), fmt::format("{}; \"{}\" is none", row.form, text->get()));
    }
  }
};

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) { set_defaults(); }

  void read(const toml::table& document) {
    for (const auto& [key, node] : document) read_section(key, node);
    check_listen();
    check_tls();
    if (draft_.anonymous_enabled) add_anonymous(draft_.config.accounts, draft_.anonymous);
    for (std::size_t i = 0; i < draft_.hosts.size(); ++i) add_host(fmt::format("host[{}]", i), draft_.hosts[i]);
    check_host_names();
    check_passive_ports();
    check_users();
  }

  void add_error(unsigned line, std::string key, std::string what) {
    errors_.push_back({.file = file_, .line = line, .key = std::move(key), .what = std::move(what)});
  }

  std::expected<ParsedConfig, std::vector<ConfigError>> result() {
    std::ranges::stable_sort(errors_, {}, &ConfigError::line);
    if (!errors_.empty()) return std::unexpected(std::move(errors_));
    return ParsedConfig{
        .config = std::move(draft_.config), .lines = std::move(parsed_.lines), .warnings = std::move(parsed_.warnings)};
  }

 private:
  void set_defaults() {
    constexpr std::uint16_t port = 2121;
    draft_.config.listen.control = {{.family = Family::ipv4, .port = port}, {.family = Family::ipv6, .port = port}};
    draft_.anonymous = anonymous_of("anonymous");
  }

  static Account anonymous_of(std::string_view place) {
    return {.name = "anonymous",
            .password_hash = {},
            .account = {},
            .root = "srv",
            .mounts = {},
            .rights = {Right::list, Right::read},
            .anonymous = true,
            .place = std::string(place)};
  }

  void read_section(const toml::key& key, const toml::node& node) {
    const std::string_view name = key.str();
    const unsigned line = line_of(key.source());
    if (!is_section(name)) {
      const bool is_table = node.is_table() || node.is_array_of_tables();
      add_error(line, std::string(name), is_table ? unknown_section(name) : loose_key(name));
    } else if (is_repeated(name)) {
      read_repeated(name, line, node);
    } else if (const toml::table* const table = node.as_table()) {
      if (name == "anonymous") draft_.anonymous_enabled = true;  // whoever writes the section wants it
      read_keys(name, std::string(name), *table);
    } else {
      add_error(line, std::string(name), fmt::format("must be one table, {}, not {}", heading(name), type_name(node)));
    }
  }

  /// `place` is the section as messages name it: "data", or "user[0]".
  void read_keys(std::string_view section, const std::string& place, const toml::table& table) {
    for (const auto& [key, node] : table) {
      if (is_nested(section, key.str())) continue;
      const std::string name = fmt::format("{}.{}", place, key.str());
      const unsigned line = line_of(key.source());
      parsed_.lines.emplace_back(name, line);
      if (const Row* const row = find_row(section, key.str())) {
        const auto complain = [&](unsigned at_line, std::string what) { add_error(at_line, name, std::move(what)); };
        std::visit(ValueReader{draft_, node, complain}, row->value);
      } else {
        add_error(line, name, unknown_key(section, key.str()));
      }
    }
  }

  /// Calls `read(place, line, table)` for each table of the array; `name` is what messages call it, "user" or
  /// "host[0].user", and `written` how it is written.
  template <typename Read>
  void for_each_table(const std::string& name, std::string_view written, unsigned line, const toml::node& node,
                      Read read) {
    if (!node.is_array_of_tables()) {
      const std::string_view found = node.is_table() ? "one table: double the brackets" : type_name(node);
      return add_error(line, name, fmt::format("must be written as {}, not {}", written, found));
    }
    std::size_t index = 0;
    for (const toml::node& item : *node.as_array()) {
      const std::string place = fmt::format("{}[{}]", name, index++);
      parsed_.lines.emplace_back(place, line_of(item.source()));
      read(place, line_of(item.source()), *item.as_table());
    }
  }

  void read_repeated(std::string_view section, unsigned line, const toml::node& node) {
    const auto read = [&](const std::string& place, unsigned at_line, const toml::table& table) {
      if (section == "user") read_user(place, at_line, table, draft_.config.accounts);
      if (section == "certificate") read_certificate(place, at_line, table);
      if (section == "host") read_host(place, at_line, table);
    };
    for_each_table(std::string(section), heading(section), line, node, read);
  }

  void read_user(const std::string& place, unsigned line, const toml::table& table, Accounts& into) {
    draft_.user = {};
    draft_.user.place = place;
    draft_.user.rights = {Right::list,   Right::read,     Right::write, Right::remove,
                          Right::rename, Right::make_dir, Right::site};
    read_keys("user", place, table);
    require_keys(
        place, line, table,
        {
            {"name", "a [[user]] needs a name"},
            {"password", "a [[user]] needs a password: \"build/millrace passwd\" prints a hash; \"\" lets anyone in"},
            {"root", "a [[user]] needs a root, the directory that the user sees as \"/\""},
        });
    const bool to_store = draft_.user.account_for == AccountFor::storing;
    if (draft_.user.account.empty() && table.contains("account_for") && (to_store || !table.contains("account")))
      complain_of(place + ".account_for",
                  "says what needs an account, and there is none: set `account`, or leave this out");
    check_name(place, into);
    into.add(draft_.user);
  }

  void read_host(const std::string& place, unsigned line, const toml::table& table) {
    draft_.host = {};
    read_keys("host", place, table);
    require_keys(place, line, table, {{"name", "a [[host]] needs the name, or the names, that HOST asks for it by"}});
    if (const toml::node* const users = table.get("user")) {
      const auto read = [&](const std::string& user, unsigned at_line, const toml::table& keys) {
        read_user(user, at_line, keys, draft_.host.own);
      };
      for_each_table(place + ".user", "[[host.user]]", line_of(users->source()), *users, read);
    }
    if (const toml::node* const anonymous = table.get("anonymous")) read_anonymous_of_host(place, *anonymous);
    draft_.hosts.push_back(std::exchange(draft_.host, {}));
  }

  void read_anonymous_of_host(const std::string& host, const toml::node& node) {
    const std::string place = host + ".anonymous";
    const toml::table* const table = node.as_table();
    if (table == nullptr)
      return add_error(line_of(node.source()), place,
                       fmt::format("must be one table, [host.anonymous], not {}", type_name(node)));
    // The rows fill the draft of [anonymous]: that one is put aside.
    const Account outer = std::exchange(draft_.anonymous, anonymous_of(place));
    const bool outer_enabled = std::exchange(draft_.anonymous_enabled, true);
    read_keys("anonymous", place, *table);
    if (draft_.anonymous_enabled) draft_.host.anonymous = draft_.anonymous;
    draft_.anonymous = outer;
    draft_.anonymous_enabled = outer_enabled;
  }

  void read_certificate(const std::string& place, unsigned line, const toml::table& table) {
    draft_.certificate = {};
    read_keys("certificate", place, table);
    require_keys(place, line, table,
                 {
                     {"certificate", "a [[certificate]] needs the PEM file that holds it"},
                     {"key", "a [[certificate]] needs its private key, a PEM file"},
                 });
    draft_.config.tls.more.push_back(draft_.certificate);
  }

  /// Key and cure of what a table must hold.
  using Needed = std::vector<std::pair<std::string_view, std::string_view>>;
  void require_keys(const std::string& place, unsigned line, const toml::table& table, const Needed& needed) {
    for (const auto& [key, cure] : needed)
      if (!table.contains(key)) add_error(line, fmt::format("{}.{}", place, key), std::string(cure));
  }

  void check_name(const std::string& place, const Accounts& earlier) {
    const std::string& name = draft_.user.name;
    const std::string key = place + ".name";
    const auto& users = earlier.all();
    if (name.empty() || std::ranges::find(users, name, &Account::name) == users.end()) return;
    add_error(parsed_.line_of(key), key, fmt::format("\"{}\" is the name of an earlier [[user]]", name));
  }

  /// Behind the users, so that user[i] of the text is the i-th account.
  void add_anonymous(Accounts& accounts, const Account& anonymous) {
    Accounts guests;
    guests.add(anonymous);
    for (const Account& user : accounts.all()) {
      if (guests.find(user.name) == nullptr) continue;
      complain_of(user.place + ".name",
                  "is a name of the anonymous user: choose another, or set [anonymous] enabled = false");
    }
    accounts.add(anonymous);
  }

  void add_host(const std::string& place, Draft::Host& draft) {
    const Config::Server& server = draft_.config.server;
    Config::Host host{.names = std::move(draft.names),
                      .title = draft.title.value_or(server.name),
                      .greeting = draft.greeting.value_or(server.greeting),
                      .language = draft.language.value_or(server.language),
                      .state = draft.state,
                      .accounts = std::move(draft.own),
                      .certificate = draft.certificate,
                      .key = draft.key,
                      .ocsp_response = draft.ocsp_response};
    add_users(place, draft, host.accounts);
    if (draft.anonymous) add_anonymous(host.accounts, *draft.anonymous);
    if (host.names.empty() && !has_error(place + ".name"))
      complain_of(place + ".name", "must hold one name at least, such as \"ftp.example.org\"");
    if (host.certificate.empty() != host.key.empty())
      complain_of(place + (host.key.empty() ? ".certificate" : ".key"),
                  "needs the other of certificate and key, which go together");
    if (!host.ocsp_response.empty() && host.certificate.empty())
      complain_of(place + ".ocsp_response", "is for a certificate of the host's own: set certificate and key too");
    if (!host.certificate.empty() && !draft_.config.tls.offered())
      complain_of(place + ".certificate", "is one more certificate: set [tls] certificate and key first");
    draft_.config.hosts.push_back(std::move(host));
  }

  /// Users of [[user]] that may enter here too, below the host's root if it has one.
  void add_users(const std::string& place, const Draft::Host& draft, Accounts& accounts) {
    for (const std::string& name : draft.users) {
      const Account* const user = draft_.config.accounts.find(name);
      if (user == nullptr) {
        complain_of(place + ".users", fmt::format("\"{}\" is the name of no [[user]]", name));
      } else if (accounts.find(name) != nullptr || (user->anonymous && draft.anonymous)) {
        complain_of(place + ".users", fmt::format("\"{}\" is a user of this host already", name));
      } else {
        Account shared = *user;
        if (!draft.root.empty()) {
          shared.root = draft.root;
          shared.mounts.clear();
          shared.place = place;
        }
        accounts.add(std::move(shared));
      }
    }
    if (draft.users.empty() && !draft.root.empty())
      complain_of(place + ".root", "is the root of those in `users`, and there are none: name some, or leave it out");
  }

  void check_host_names() {
    std::vector<std::string> known;
    const auto check = [&](const std::string& key, const std::vector<std::string>& names) {
      for (const std::string& name : names) {
        if (std::ranges::find(known, name) != known.end())
          complain_of(key, fmt::format("\"{}\" names a host already: each name is that of one host", name));
        known.push_back(name);
      }
    };
    check("server.hosts", draft_.config.server.hosts);
    for (std::size_t i = 0; i < draft_.config.hosts.size(); ++i)
      check(fmt::format("host[{}].name", i), draft_.config.hosts[i].names);
  }

  void check_listen() {
    const Config::Listen& listen = draft_.config.listen;
    const unsigned line = parsed_.line_of("listen.control");
    if (listen.control.empty() && !has_error("listen.control")) {
      add_error(line, "listen.control", R"(must not be empty: name an address and a port, such as "0.0.0.0:2121")");
    }
    std::vector<Endpoint> earlier;
    const auto check = [&](std::string_view key, const std::vector<Endpoint>& endpoints) {
      for (const Endpoint& one : endpoints) {
        const auto other = std::ranges::find_if(earlier, [&](const Endpoint& e) { return overlap(e, one); });
        if (other != earlier.end() && *other == one) {
          const bool here = std::ranges::count(endpoints, one) > 1;
          complain_of(key,
                      fmt::format("\"{}\" stands {}", to_string(one), here ? "here twice" : "in listen.control too"));
        } else if (other != earlier.end()) {
          complain_of(key, fmt::format("\"{}\" and \"{}\" are the same for some clients: leave one out",
                                       to_string(*other), to_string(one)));
        }
        earlier.push_back(one);
      }
    };
    check("listen.control", listen.control);
    check("listen.implicit_tls", listen.implicit_tls);
  }

  /// Whether both would listen for the same connections.
  static bool overlap(const Endpoint& one, const Endpoint& other) {
    const auto is_any = [](const Endpoint& e) {
      return std::ranges::all_of(e.address, [](auto octet) { return octet == 0; });
    };
    return one.port != 0 && one.port == other.port && one.family == other.family &&
           (one.same_address(other) || is_any(one) || is_any(other));
  }

  /// The server would leave these ports out: whoever opens them in a firewall is told.
  void check_passive_ports() {
    const PortRange& range = draft_.config.data.passive_ports;
    const bool named = parsed_.line_of("data.passive_ports") != 0;
    if (has_error("data.passive_ports")) return;
    const auto check = [&](std::string_view key, const std::vector<Endpoint>& endpoints) {
      for (const Endpoint& one : endpoints) {
        const auto holds = [&](int port) { return one.port > 1 && port >= range.first && port <= range.last; };
        const std::string_view at = named ? std::string_view("data.passive_ports") : key;
        if (holds(one.port))
          complain_of(at, fmt::format("the passive ports {}-{} hold port {}, on which {} listens: choose others",
                                      range.first, range.last, one.port, key));
        if (draft_.config.data.active && holds(one.port - 1))
          complain_of(at, fmt::format("the passive ports {}-{} hold port {}, from which active data connections of {} "
                                      "leave: choose others, or set [data] active = false",
                                      range.first, range.last, one.port - 1, key));
      }
    };
    check("listen.control", draft_.config.listen.control);
    check("listen.implicit_tls", draft_.config.listen.implicit_tls);
  }

  void check_users() {
    const std::vector<const Account*> all = all_accounts(draft_.config);
    const bool clients_shown = draft_.config.tls.client_certificates != ClientCertificates::off;
    for (const Account* account : all) {
      const std::string key = account->place + ".certificate";
      if (clients_shown || account->certificate.empty() || parsed_.line_of(key) == 0 || has_error(key)) continue;
      complain_of(key,
                  R"(names a certificate that no client is asked for: set [tls] client_certificates to "optional")");
    }
    if (!all.empty()) return;
    constexpr std::string_view key = "anonymous.enabled";
    parsed_.warnings.push_back({.file = file_,
                                .line = parsed_.line_of(key),
                                .key = std::string(key),
                                .what = "nobody can log in: write a [[user]], or set this to true"});
  }

  void check_tls() {
    const Config::Tls& tls = draft_.config.tls;
    if (tls.certificate.empty()) {
      constexpr std::string_view cure = "needs a certificate: set [tls] certificate and key";
      if (!tls.key.empty()) complain_of("tls.key", cure);
      if (tls.require != "never") complain_of("tls.require", cure);
      if (!draft_.config.listen.implicit_tls.empty()) complain_of("listen.implicit_tls", cure);
      if (!tls.more.empty())
        complain_of("certificate[0]", "is one more certificate: set [tls] certificate and key first");
    } else if (tls.key.empty()) {
      complain_of("tls.certificate", "needs its private key: set [tls] key to the PEM file that holds it");
    }
    const bool clients_shown = tls.client_certificates != ClientCertificates::off;
    if (clients_shown && tls.client_ca.empty())
      complain_of("tls.client_certificates", "needs [tls] client_ca, the PEM file of who signs them");
    if (!clients_shown && !tls.client_ca.empty())
      complain_of(
          "tls.client_ca",
          R"(is for certificates that nobody is asked for: set client_certificates to "optional" or "required")");
    if (!clients_shown && !tls.crl.empty())
      complain_of("tls.crl",
                  R"(revokes what nobody is asked for: set client_certificates to "optional" or "required")");
  }

  void complain_of(std::string_view key, std::string_view what) {
    add_error(parsed_.line_of(key), std::string(key), std::string(what));
  }

  bool has_error(std::string_view key) const {
    return std::ranges::find(errors_, key, &ConfigError::key) != errors_.end();
  }

  std::string file_;
  Draft draft_;
  ParsedConfig parsed_;  ///< its lines
  std::vector<ConfigError> errors_;
};

}  // namespace

const Config::Host* Config::find_host(std::string_view name) const {
  const auto found = std::ranges::find_if(
      hosts, [&](const Host& host) { return std::ranges::find(host.names, name) != host.names.end(); });
  return found == hosts.end() ? nullptr : &*found;
}

bool Config::is_own_name(std::string_view name) const {
  const bool only_one = hosts.empty() && server.hosts.empty();
  return only_one || std::ranges::find(server.hosts, name) != server.hosts.end();
}

std::vector<const Account*> all_accounts(const Config& config) {
  std::vector<const Account*> all;
  const auto add = [&](const Accounts& accounts) {
    for (const Account& account : accounts.all()) all.push_back(&account);
  };
  add(config.accounts);
  for (const Config::Host& host : config.hosts) add(host.accounts);
  return all;
}

Config share(Config whole, std::size_t worker, std::size_t workers) {
  // Everything is cut at the same places: no worker's part is larger than another's by more than one.
  const auto cut = [&](std::size_t total, std::size_t at) { return total * at / workers; };
  const auto part = [&](std::int64_t total) {
    const auto count = static_cast<std::size_t>(total);
    return static_cast<std::int64_t>(cut(count, worker + 1) - cut(count, worker));
  };
  PortRange& ports = whole.data.passive_ports;
  const PortRange all = ports;
  ports.first = static_cast<std::uint16_t>(all.first + cut(all.size(), worker));
  ports.last = static_cast<std::uint16_t>(all.first + cut(all.size(), worker + 1) - 1);
  whole.limits.transfer_buffers = part(whole.limits.transfer_buffers);
  whole.limits.heavy_works = std::max<std::int64_t>(part(whole.limits.heavy_works), 1);
  return whole;
}

Config reloaded(const Config& running, Config fresh) {
  fresh.server.workers = running.server.workers;
  fresh.listen = running.listen;
  fresh.io = running.io;
  fresh.tuning = running.tuning;
  fresh.log = running.log;
  fresh.data.passive_ports = running.data.passive_ports;
  fresh.data.buffer_kib = running.data.buffer_kib;
  fresh.limits.transfer_buffers = running.limits.transfer_buffers;
  return fresh;
}

std::string to_string(const ConfigError& error) {
  std::string text = error.file;
  if (error.line != 0) text += fmt::format(":{}", error.line);
  if (!error.key.empty()) text += fmt::format(": {}", error.key);
  return text + ": " + error.what;
}

unsigned ParsedConfig::line_of(std::string_view key) const {
  const auto found = std::ranges::find(lines, key, &std::pair<std::string, unsigned>::first);
  return found == lines.end() ? 0 : found->second;
}

std::expected<ParsedConfig, std::vector<ConfigError>> parse_config(std::string_view text, std::string_view file) {
  Reader reader(file);
  const toml::parse_result document = toml::parse(text, file);
  if (document) {
    reader.read(document.table());
  } else {
    reader.add_error(line_of(document.error().source()), {}, std::string(document.error().description()));
  }
  return reader.result();
}

}  // namespace core
