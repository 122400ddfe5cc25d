// What is counted over all workers: sessions, sessions from an address, and what was moved. One worker counts the
// same way as many. Knows memory that several processes share; must not know what is limited to how much.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "core/endpoint.hpp"

namespace net {

/// Over all workers, since the start.
struct Totals {
  std::uint64_t sessions = 0;  ///< now
  std::uint64_t sessions_begun = 0;
  std::uint64_t transfers = 0;  ///< ended, however
  std::uint64_t octets_in = 0;
  std::uint64_t octets_out = 0;
  std::uint64_t restarts = 0;          ///< workers that ended unasked
  std::uint64_t tls_handshakes = 0;    ///< of control connections
  std::uint64_t tls_data = 0;          ///< handshakes of data connections
  std::uint64_t tls_data_resumed = 0;  ///< of these, resuming their control connection's session
  std::uint64_t tls_failed = 0;        ///< handshakes that came to nothing, data connections refused included
  std::uint64_t tls_kernel = 0;        ///< data connections that the kernel encrypts
};
/// "sessions=3 sessions_begun=17 transfers=5 …", for the log.
std::string to_string(const Totals& totals);

/// Each worker writes its own slot and its own table of addresses, and reads those of all: nothing is locked, and
/// the share of a worker that died is taken back by forgetting its slot. Numbers are exact; a session is counted
/// before it is compared with a limit, so that two workers never both take the last place (they may both refuse it).
class SharedCounts {
 public:
  /// Memory for `workers` (from 1) that this process shares with those it forks later, with room for `sessions`
  /// (to 1,000,000) from as many addresses. `seed` makes the places of addresses unguessable. The error is an errno
  /// value.
  static std::expected<SharedCounts, int> make(std::size_t workers, std::size_t sessions, std::uint64_t seed);

  /// From now on this process counts as worker `worker`, from 0, which it is until then.
  void stand_for(std::size_t worker) { own_ = worker; }

  /// Counts one more session of this worker. False: there is no room to count its address, and nothing is counted;
  /// to be expected only where there are far more sessions than make() was told.
  bool enter(const core::Endpoint& peer);
  /// Takes back what enter() counted.
  void leave(const core::Endpoint& peer);
  /// A transfer has ended, having moved so many octets over its data connection.
  void add_transfer(bool sent, std::uint64_t octets);
  /// How a TLS handshake ended.
  enum class Handshake : std::uint8_t { control, data, data_resumed, failed };
  void add_handshake(Handshake how, bool in_kernel = false);

  /// Sessions of this worker.
  std::size_t own_sessions() const;
  /// Sessions of all workers.
  std::size_t sessions() const;
  /// Sessions of all workers from the peer's address; its port does not matter.
  std::size_t sessions_from(const core::Endpoint& peer) const;
  Totals totals() const;

  /// For the supervisor, once worker `worker` is dead: its sessions are no more, what it has moved stays.
  void forget(std::size_t worker);

 private:
  using Count = std::atomic<std::uint64_t>;
  struct alignas(64) Slot {  // a cache line each: workers do not slow each other down
    Count sessions, sessions_begun, transfers, octets_in, octets_out, restarts;
    Count tls_handshakes, tls_data, tls_data_resumed, tls_failed, tls_kernel;
  };
  struct Unmap {
    std::size_t size;
    void operator()(void* memory) const;
  };
  struct Place;

  SharedCounts() = default;
  std::uint64_t hash(const core::Endpoint& peer) const;
  Place find(std::size_t worker, std::uint64_t hash) const;
  std::uint64_t sum(Count Slot::* count) const;

  std::unique_ptr<void, Unmap> memory_{nullptr, Unmap{0}};
  Slot* slots_ = nullptr;
  Count* rows_ = nullptr;         ///< a table a worker
  std::size_t rows_a_table_ = 0;  ///< a power of two
  std::size_t workers_ = 0;
  std::size_t own_ = 0;
  std::array<std::array<std::uint64_t, 6>, 2> keys_{};  ///< of hash()
};

}  // namespace net
