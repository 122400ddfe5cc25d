// The words for a representation. RFC 959 4.1.2, 5.3.1.
#include "core/representation.hpp"

namespace core {

std::string type_text(const Representation& as) {
  std::string text(1, letter(as.type));
  if (is_text(as)) (text += ' ') += letter(as.format);
  if (as.type == Type::local) (text += ' ') += std::to_string(as.byte_size);
  return text;
}

}  // namespace core
