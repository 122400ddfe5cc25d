// Rows are one atomic word each, so that no reader ever sees half of one: a mark of the address above, its
// sessions below. A row without sessions is free; an address stands within a short window behind its hash.
#include "net/shared_counts.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

namespace net {
namespace {

constexpr unsigned count_bits = 20;  // above the highest limits.sessions
constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;
// Where an address may stand. With a quarter of the rows taken, so many in a row hardly ever are.
constexpr std::size_t window = 32;
constexpr std::size_t rows_an_address = 4;

std::uint64_t sessions_in(std::uint64_t row) { return row & count_mask; }

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "a lock in shared memory could die with its holder");

}  // namespace

/// A row and what it held when it was looked at. No row: none is free.
struct SharedCounts::Place {
  Count* row = nullptr;
  std::uint64_t value = 0;
};

std::string to_string(const Totals& totals) {
  return fmt::format(
      "sessions={} sessions_begun={} transfers={} octets_in={} octets_out={} restarts={} tls_handshakes={} tls_data={} "
      "tls_data_resumed={} tls_failed={} tls_kernel={}",
      totals.sessions, totals.sessions_begun, totals.transfers, totals.octets_in, totals.octets_out, totals.restarts,
      totals.tls_handshakes, totals.tls_data, totals.tls_data_resumed, totals.tls_failed, totals.tls_kernel);
}

void SharedCounts::Unmap::operator()(void* memory) const { ::munmap(memory, size); }

std::expected<SharedCounts, int> SharedCounts::make(std::size_t workers, std::size_t sessions, std::uint64_t seed) {
  SharedCounts made;
  made.workers_ = workers;
  made.rows_a_table_ = std::bit_ceil(rows_an_address * std::max(sessions, window));
  const std::size_t size = workers * (sizeof(Slot) + made.rows_a_table_ * sizeof(Count));
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return std::unexpected(errno);
  made.memory_ = {memory, Unmap{size}};
  // The kernel's zeroes are counts of zero, and a page is made when it is first touched.
  made.slots_ = static_cast<Slot*>(memory);
  made.rows_ = reinterpret_cast<Count*>(made.slots_ + workers);
  std::mt19937_64 random(seed);
  for (auto& key : made.keys_)
    for (std::uint64_t& number : key) number = random();
  return made;
}

// Multiply-shift, twice: for any two addresses chosen without the keys, equal hashes are as rare as by chance.
// So nobody can aim at another's row, or crowd one window.
std::uint64_t SharedCounts::hash(const core::Endpoint& peer) const {
  std::array<std::uint32_t, 5> words{static_cast<std::uint32_t>(peer.family)};
  std::memcpy(&words[1], peer.address.data(), peer.address.size());
  const auto half = [&](const auto& key) {
    std::uint64_t sum = key.back();
    for (std::size_t i = 0; i < words.size(); ++i) sum += key[i] * words[i];
    return sum >> 32;
  };
  return half(keys_[0]) << 32 | half(keys_[1]);
}

// The row that counts the address in a worker's table, else a free one.
SharedCounts::Place SharedCounts::find(std::size_t worker, std::uint64_t hash) const {
  Count* const table = rows_ + worker * rows_a_table_;
  Place place;
  for (std::size_t i = 0; i < window; ++i) {
    Count& row = table[(hash + i) & (rows_a_table_ - 1)];
    const std::uint64_t value = row.load();
    if (sessions_in(value) == 0) {
      if (place.row == nullptr) place.row = &row;
    } else if ((value & ~count_mask) == (hash & ~count_mask)) {
      return {&row, value};
    }
  }
  return place;
}

bool SharedCounts::enter(const core::Endpoint& peer) {
  const std::uint64_t mark = hash(peer);
  const Place place = find(own_, mark);
  if (place.row == nullptr) return false;
  place.row->store((mark & ~count_mask) | (sessions_in(place.value) + 1));
  ++slots_[own_].sessions;
  ++slots_[own_].sessions_begun;
  return true;
}

void SharedCounts::leave(const core::Endpoint& peer) {
  const Place place = find(own_, hash(peer));
  assert(place.row != nullptr && sessions_in(place.value) > 0);
  place.row->store(place.value - 1);
  --slots_[own_].sessions;
}

void SharedCounts::add_transfer(bool sent, std::uint64_t octets) {
  Slot& slot = slots_[own_];
  ++slot.transfers;
  (sent ? slot.octets_out : slot.octets_in) += octets;
}

void SharedCounts::add_handshake(Handshake how, bool in_kernel) {
  Slot& slot = slots_[own_];
  switch (how) {
    case Handshake::control: ++slot.tls_handshakes; break;
    case Handshake::data_resumed: ++slot.tls_data_resumed; [[fallthrough]];
    case Handshake::data: ++slot.tls_data; break;
    case Handshake::failed: ++slot.tls_failed; break;
  }
  if (in_kernel) ++slot.tls_kernel;
}

std::uint64_t SharedCounts::sum(Count Slot::* count) const {
  std::uint64_t all = 0;
  for (std::size_t worker = 0; worker < workers_; ++worker) all += (slots_[worker].*count).load();
  return all;
}

std::size_t SharedCounts::own_sessions() const { return slots_[own_].sessions.load(); }

std::size_t SharedCounts::sessions() const { return sum(&Slot::sessions); }

std::size_t SharedCounts::sessions_from(const core::Endpoint& peer) const {
  const std::uint64_t mark = hash(peer);
  std::size_t all = 0;
  for (std::size_t worker = 0; worker < workers_; ++worker) all += sessions_in(find(worker, mark).value);
  return all;
}

Totals SharedCounts::totals() const {
  return {.sessions = sum(&Slot::sessions),
          .sessions_begun = sum(&Slot::sessions_begun),
          .transfers = sum(&Slot::transfers),
          .octets_in = sum(&Slot::octets_in),
          .octets_out = sum(&Slot::octets_out),
          .restarts = sum(&Slot::restarts),
          .tls_handshakes = sum(&Slot::tls_handshakes),
          .tls_data = sum(&Slot::tls_data),
          .tls_data_resumed = sum(&Slot::tls_data_resumed),
          .tls_failed = sum(&Slot::tls_failed),
          .tls_kernel = sum(&Slot::tls_kernel)};
}

void SharedCounts::forget(std::size_t worker) {
  Count* const table = rows_ + worker * rows_a_table_;
  for (std::size_t i = 0; i < rows_a_table_; ++i)
    if (table[i].load() != 0) table[i].store(0);
  slots_[worker].sessions = 0;
  ++slots_[worker].restarts;
}

}  // namespace net
