// TOML text -> a checked Config. The only file that sees the TOML library. Reads no file itself.
// Every key of config.toml has one row in the table of config.cpp: name, place, range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/accounts.hpp"
#include "core/endpoint.hpp"
#include "core/language.hpp"

namespace core {

enum class Publish : std::uint8_t { direct, atomic, durable };
/// Where the bytes of an upload go: under no name that anybody sees until they are whole, or in place.
constexpr bool is_unseen(Publish publish) { return publish != Publish::direct; }
/// Whether they are on disk before the upload is acknowledged.
constexpr bool is_synced(Publish publish) { return publish == Publish::durable; }
enum class BackendChoice : std::uint8_t { automatic, io_uring, epoll };
enum class TlsVersion : std::uint8_t { v1_2, v1_3 };
enum class ClientCertificates : std::uint8_t { off, optional, required };
/// What HOST answers for a host: 220, 421 and the end, or 504 as if there were none (RFC 7151 3.2).
enum class HostState : std::uint8_t { up, down, disabled };
/// To whom MODE B and C are offered: to clients that have asked FEAT, to all, to none.
enum class BlockModes : std::uint8_t { announced, always, never };
enum class LogLevel : std::uint8_t { debug, info, warning, error };

struct PortRange {
  std::uint16_t first = 50000;
  std::uint16_t last = 50999;
  std::size_t size() const { return static_cast<std::size_t>(last - first) + 1; }
  bool operator==(const PortRange&) const = default;
};

struct Config {
  struct Server {
    std::string name = "Millrace";              ///< in the greeting and STAT
    std::string greeting = "FTP server ready";  ///< text of 220 after the name
    std::vector<std::string> hosts;     ///< names by which HOST asks for what stands outside [[host]]; lower case
    Language language = Language::en;   ///< of replies until LANG chooses one
    std::int64_t drain_timeout_s = 30;  ///< SIGTERM: how long running transfers may go on
    std::int64_t workers = 1;           ///< processes that serve; 0: one for each CPU
    bool operator==(const Server&) const = default;
  } server;
  struct Listen {
    std::vector<Endpoint> control;  ///< L; active data connections leave from L-1
    std::vector<Endpoint> implicit_tls;
    std::vector<Network> proxy_protocol_from;
    std::int64_t backlog = 1024;
    bool operator==(const Listen&) const = default;
  } listen;
  struct Io {
    BackendChoice backend = BackendChoice::automatic;
    std::int64_t ring_entries = 1024;
    std::int64_t offload_threads = 2;
    bool operator==(const Io&) const = default;
  } io;
  struct Data {
    PortRange passive_ports;
    std::optional<Endpoint> passive_address;  ///< what PASV announces; nothing: the control connection's own
    std::vector<Network> foreign_addresses;   ///< third-party transfers may name these; empty: only the control peer
    bool active = true;                       ///< PORT and EPRT are allowed
    bool active_port_fallback = false;        ///< an ephemeral port where L-1 cannot be bound
    BlockModes block_modes = BlockModes::announced;
    std::int64_t connect_timeout_s = 30;  ///< for the peer to accept, or to come to a passive port
    std::int64_t stall_timeout_s = 300;   ///< a data connection that moves nothing for so long is ended (426)
    std::int64_t buffer_kib = 256;        ///< of a codec flow, each way
    std::int64_t marker_interval_bytes = 16 * 1024 * 1024;  ///< between restart markers sent in MODE B and C; 0: none
    bool operator==(const Data&) const = default;
  } data;
  /// What moves octets, and how: see config.toml for what each trades.
  struct Tuning {
    std::int64_t slice_kib = 1024;      ///< at most this much of one transfer at a time
    std::int64_t turn_us = 300;         ///< then whoever else waits has the loop, before the next slice
    std::int64_t copy_kib = 16;         ///< files up to this are read and sent, larger ones go by sendfile(2)
    std::int64_t gather_kib = 64;       ///< MODE B and C: so much of small files in one send
    std::int64_t cold_read_kib = 1024;  ///< of a file that is not in memory, at a time
    std::int64_t unsent_kib = 128;      ///< TCP_NOTSENT_LOWAT of data connections; 0: the kernel's
    std::int64_t send_buffer_kib = 0, receive_buffer_kib = 0;  ///< of data connections; 0: the kernel's
    std::string congestion_control;                            ///< of data connections; empty: the host's
    std::int64_t busy_poll_us = 0;                             ///< SO_BUSY_POLL of data connections; 0: the host's
    std::int64_t pipes = 32, pipe_kib = 1024;                  ///< uploads ride in these
    std::int64_t slow_write_ms = 2, slow_writes_rest_ms = 1000;
    std::int64_t open_files = 1000;     ///< small ones that are kept open for the next who reads them; 0: none
    std::int64_t preallocate_mib = 16;  ///< set aside ahead of an upload at a time; 0: nothing
    bool operator==(const Tuning&) const = default;
  } tuning;
  struct Listing {
    std::int64_t cache_mib = 16;  ///< for listings that may be asked for again; 0: none
    bool operator==(const Listing&) const = default;
  } listing;
  struct Tls {
    std::string certificate, key;  ///< PEM files; certificate empty: no TLS
    std::string require = "never";
    std::string ocsp_response;  ///< DER file, stapled; empty: none
    TlsVersion min_version = TlsVersion::v1_2;
    std::string ciphers;       ///< of TLS 1.2, as OpenSSL names them; empty: what is good
    std::string ciphersuites;  ///< of TLS 1.3
    bool resumption_required = false;
    ClientCertificates client_certificates = ClientCertificates::off;
    std::string client_ca;  ///< PEM file: who may sign them
    std::string crl;        ///< PEM file: which are revoked; empty: not asked
    std::int64_t handshake_timeout_s = 10;
    bool ktls = true;  ///< where the kernel can
    bool ccc = false;
    /// One [[certificate]] each: shown to clients that ask for a name it holds (SNI).
    struct Certificate {
      std::string certificate, key, ocsp_response;
      bool operator==(const Certificate&) const = default;
    };
    std::vector<Certificate> more;
    bool offered() const { return !certificate.empty(); }
    bool operator==(const Tls&) const = default;
  } tls;
  struct Limits {
    std::int64_t sessions = 20000;
    std::int64_t sessions_per_address = 0;  ///< 0: no limit
    std::int64_t ipv6_prefix = 64;          ///< bits of an IPv6 address that are one address to that limit
    std::int64_t idle_timeout_s = 300;      ///< 0: never
    std::int64_t idle_timeout_max_s =
        7200;                           ///< what SITE IDLE may ask for; less than idle_timeout_s: no more than that
    std::int64_t login_timeout_s = 60;  ///< to log in, then 421; 0: any time
    std::int64_t login_failures = 3;    ///< of one connection, then 421 (RFC 2577 5)
    std::int64_t login_failure_delay_ms = 5000;
    std::int64_t logins_waiting = 1000;    ///< passwords that wait to be verified; one more: 421
    std::int64_t transfer_buffers = 2048;  ///< buffers of codec flows in all
    std::int64_t deflate_level = 9;        ///< the highest that OPTS MODE Z may set; 0: there is no MODE Z
    std::int64_t inflate_ratio = 250;      ///< octets that an upload may write for each that came; 0: any
    std::int64_t heavy_works = 16;         ///< files that are hashed, combined or copied at a time
    std::int64_t digest_max_bytes = 0;     ///< 0: any
    bool operator==(const Limits&) const = default;
  } limits;
  struct Uploads {
    Publish publish = Publish::direct;
    std::int64_t file_mode = 0644;
    std::int64_t directory_mode = 0755;
    std::int64_t file_max_bytes = 0;  ///< the largest file that may be stored (552); 0: any
    bool control_characters = false;  ///< names that are made may hold them
    bool keep_partial = true;         ///< publish = "direct": what had come of a broken upload stays
    bool operator==(const Uploads&) const = default;
  } uploads;
  struct Log {
    LogLevel level = LogLevel::info;
    std::string file;  ///< empty: standard error
    bool operator==(const Log&) const = default;
  } log;
  Accounts accounts;  ///< every [[user]] in order, then [anonymous] if it is enabled
  /// One [[host]] each: chosen by HOST, or by the name in the TLS handshake. What is left out is as in [server].
  struct Host {
    std::vector<std::string> names;  ///< in lower case; no two hosts share one
    std::string title, greeting;     ///< in place of server.name and server.greeting
    Language language = Language::en;
    HostState state = HostState::up;
    Accounts accounts;  ///< every [[host.user]], those of `users`, then [host.anonymous]: nobody else
    std::string certificate, key, ocsp_response;  ///< empty: the first that holds the name, as for SNI
    bool operator==(const Host&) const = default;
  };
  std::vector<Host> hosts;
  /// By a name in lower case; nullptr: no [[host]] has it.
  const Host* find_host(std::string_view name) const;
  /// Whether what stands outside [[host]] goes by a name in lower case: one of server.hosts, or any at all where no
  /// host is configured.
  bool is_own_name(std::string_view name) const;
  bool operator==(const Config&) const = default;
};

/// The part of `whole` that worker `worker` of `workers` has, counted from 0: passive ports, buffers and heavy works
/// are divided, all else is everybody's. With fewer ports than workers some parts are empty: `last` is below `first`.
/// Of the works each has one at least.
Config share(Config whole, std::size_t worker, std::size_t workers);
/// The accounts of all hosts, whose `place` says where each stands.
std::vector<const Account*> all_accounts(const Config& config);
/// What a reload makes of `running`: `fresh`, but for what only a start can change, namely [listen], [io], [tuning],
/// [log], the workers and what is divided among them.
Config reloaded(const Config& running, Config fresh);

/// A mistake, or what ParsedConfig::warnings holds.
struct ConfigError {
  std::string file;
  unsigned line = 0;  ///< 0: the file as a whole
  std::string key;    ///< "data.passive_ports"; empty for a syntax error
  std::string what;   ///< a sentence with the cure
};
/// "FILE:LINE: key: what is wrong".
std::string to_string(const ConfigError& error);

/// The line on which each key stands, so that net/ can report what only the system knows (a missing
/// root, a busy port) in the same form.
struct ParsedConfig {
  Config config;
  /// Line of "data.passive_ports", or of "user[1].root" (the second [[user]]) or "host[0].user[1].root"; 0 when the key
  /// is not in the text.
  unsigned line_of(std::string_view key) const;
  std::vector<std::pair<std::string, unsigned>> lines;
  /// What a server can start with, and the administrator should know.
  std::vector<ConfigError> warnings{};
};

/// All mistakes at once, in the order of their lines. `file` is only for messages.
std::expected<ParsedConfig, std::vector<ConfigError>> parse_config(std::string_view text, std::string_view file);

}  // namespace core
