// The configuration file: read, checked against what only the system knows, its mistakes printed.
// Knows files, directories and CPUs; must not know who wants the configuration.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/config.hpp"

namespace net {

inline constexpr int exit_bad_config = 1;

/// The configuration, with server.workers as the number that it is to be here. Nothing: its mistakes stand on
/// standard error.
std::optional<core::ParsedConfig> load_checked(const std::string& file);

/// Prints one mistake that showed only at start, and returns the exit code for it.
int complain(const core::ParsedConfig& parsed, const std::string& file, std::string_view key, std::string_view what);

}  // namespace net
