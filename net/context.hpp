// What every session shares: one of each, owned by the server. All of it belongs to the one thread, but for the
// counts, which other workers read.
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "core/config.hpp"
#include "io/buffer_pool.hpp"
#include "io/reactor.hpp"
#include "net/digests.hpp"
#include "net/lingering.hpp"
#include "net/listings.hpp"
#include "net/open_files.hpp"
#include "net/passive_listeners.hpp"
#include "net/random.hpp"
#include "net/shared_counts.hpp"
#include "net/stale_uploads.hpp"
#include "net/storage.hpp"
#include "net/tls_context.hpp"

namespace net {

struct Context {
  io::Reactor& reactor;
  spdlog::logger& log;
  SharedCounts& counts;
  std::shared_ptr<const core::Config> config;  ///< for new sessions; running ones keep theirs
  std::shared_ptr<const TlsContext> tls{};     ///< the same; nullptr: no TLS
  Roots roots{};
  io::SocketOptions data_options;  ///< of all data connections
  PassiveListeners passive_listeners;
  Lingering lingering;  ///< data connections that are over
  OpenFiles open_files;
  StaleUploads stale_uploads;
  Digests digests{};
  std::size_t heavy_works = 0;  ///< under way: Work::take_place()
  Listings listings;
  io::BufferPool control_buffers;  ///< lent while octets of a control connection are looked at
  io::BufferPool flow_buffers;     ///< lent to codec flows
  Random random;                   ///< passive ports and names
};

}  // namespace net
