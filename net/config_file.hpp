// The configuration file: read, and checked against what only the system knows.
// Knows files, directories, CPUs and addresses; must not know who wants the configuration.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.hpp"

namespace net {

inline constexpr int exit_bad_config = 1;

/// The configuration, with server.workers as the number that it is to be here and without the listeners that cannot
/// be here, of which the warnings tell; or all mistakes.
std::expected<core::ParsedConfig, std::vector<core::ConfigError>> load_checked(const std::string& file);

/// On standard error, a line each. Returns the exit code.
int print(const std::vector<core::ConfigError>& errors);
/// The same for warnings, which say that they are.
void print_warnings(const core::ParsedConfig& parsed);
/// Prints one mistake that showed only at start, and returns the exit code for it.
int complain(const core::ParsedConfig& parsed, const std::string& file, std::string_view key, std::string_view what);

}  // namespace net
