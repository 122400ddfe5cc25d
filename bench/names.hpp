// Which files a load downloads: numbered ones, those of a directory's listing, or the one that was named.
// Knows NLST; must not know what is measured.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "bench/options.hpp"
#include "io/address.hpp"

namespace bench {

/// Asks the server where the listing is wanted, on a session of its own. The error is a sentence.
std::expected<std::vector<std::string>, std::string> find_names(const Options& options, const Load& load,
                                                                const io::Address& server);

}  // namespace bench
