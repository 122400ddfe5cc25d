// The one place where the version stands: `--version` of the server and of the load generator. FTP does not tell it.
#pragma once

#include <string_view>

namespace core {

inline constexpr std::string_view version = "0.9.0";

}  // namespace core
