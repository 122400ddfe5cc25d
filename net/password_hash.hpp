// What can be told of a crypt(3) hash without its password: whether it can be verified here, and at what cost.
#pragma once

#include <string>
#include <string_view>

namespace net {

/// Sentences for the administrator; empty: there is nothing to say.
struct HashOpinion {
  std::string mistake;  ///< no password would ever fit, or each log in would take for ever
  std::string warning;
};
HashOpinion judge_hash(const std::string& hash);

}  // namespace net
