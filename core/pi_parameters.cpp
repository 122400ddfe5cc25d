// Transfer parameter commands: PORT PASV EPRT EPSV TYPE STRU MODE. RFC 959 4.1.2, RFC 2428, RFC 2577 3.
#include <algorithm>

#include "core/pi_reply.hpp"
#include "core/text.hpp"

namespace core {
namespace {

constexpr std::uint16_t lowest_data_port = 1024;  // RFC 2577 3

// "a  n" -> {"A", "N"}: parameter letters have no case and blanks between them are free.
struct Parameters {
  std::string first, second;
  bool more = false;
};
Parameters split_parameters(std::string_view argument) {
  Parameters out;
  std::string* const words[] = {&out.first, &out.second};
  std::size_t count = 0;
  const std::string text = upper(argument);
  for (std::size_t at = 0; (at = text.find_first_not_of(' ', at)) != std::string::npos; ++count) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (count == 2) {
      out.more = true;
      break;
    }
    *words[count] = text.substr(at, end - at);
    at = end;
  }
  return out;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// True when the value of an enum whose values are letters is among `letters`.
template <typename Letter>
bool contains_letter(std::string_view letters, Letter value) {
  return letters.contains(letter(value));
}

}  // namespace

bool Pi::refused_after_epsv_all() {
  if (epsv_only_) reply(Code::bad_parameter, "Only EPSV is taken after EPSV ALL.");
  return epsv_only_;
}

// Only the control peer's own address and high ports, unless the administrator named more: nobody
// shall make this server connect elsewhere (RFC 2577 3).
void Pi::aim(const Endpoint& endpoint) {
  const auto& foreign = config().data.foreign_addresses;
  const bool allowed = endpoint.same_address(peer_) ||
                       std::ranges::any_of(foreign, [&](const Network& n) { return n.contains(endpoint); });
  if (!config().data.active) return reply(Code::parameter_not_implemented, "Active mode is switched off; use EPSV.");
  if (!allowed) return reply(Code::parameter_not_implemented, "That address is not yours.");
  if (endpoint.port < lowest_data_port) return reply(Code::parameter_not_implemented, "Ports below 1024 are refused.");
  ask(action::Aim{endpoint}, &Pi::after_aim);
}

void Pi::after_aim(const Outcome&) { reply(Code::okay, "Command okay."); }

void Pi::on_port(std::string_view argument) {
  if (refused_after_epsv_all()) return;
  const auto endpoint = parse_host_port(without_trailing_blank(argument));
  if (!endpoint) return reply(Code::bad_parameter, "Six numbers from 0 to 255 are wanted: h1,h2,h3,h4,p1,p2.");
  aim(*endpoint);
}

void Pi::on_eprt(std::string_view argument) {
  if (refused_after_epsv_all()) return;
  auto endpoint = parse_eprt(without_trailing_blank(argument));
  // The link is the one that the control connection came over: the client has no name for it that means anything here.
  if (endpoint && is_link_local(*endpoint)) endpoint->scope = peer_.scope;
  if (endpoint && endpoint->family == local_.family) return aim(*endpoint);
  if (!endpoint && endpoint.error() == EprtError::syntax)
    return reply(Code::bad_parameter, "Wanted: |family|address|port|.");
  // A known family that this control connection does not speak leaves one to use (RFC 2428 2).
  if (!endpoint) return reply(Code::unsupported_protocol, "Network protocol not supported, use ({})", "1,2");
  reply(Code::unsupported_protocol, "Network protocol not supported, use ({})", static_cast<int>(local_.family));
}

void Pi::on_pasv(std::string_view) {
  if (refused_after_epsv_all()) return;
  if (local_.family != Family::ipv4) return reply(Code::not_implemented, "PASV has no form for IPv6; use EPSV.");
  ask(action::Listen{}, &Pi::after_pasv);
}

void Pi::after_pasv(const Outcome& outcome) {
  if (outcome.error != 0) return reply(Code::cannot_open_data, "No passive port is free; try again.");
  Endpoint announced = config().data.passive_address.value_or(local_);
  announced.port = outcome.endpoint.port;
  reply(Code::entering_passive, "Entering Passive Mode ({}).", host_port(announced));
}

void Pi::on_epsv(std::string_view argument) {
  const std::string wanted = upper(without_trailing_blank(argument));
  if (wanted == "ALL") {
    epsv_only_ = true;
    return ask(action::DropData{}, &Pi::after_epsv_all);
  }
  if (!wanted.empty() && !all_digits(wanted)) return reply(Code::bad_parameter, "Wanted: 1, 2 or ALL.");
  const int own = static_cast<int>(local_.family);
  if (!wanted.empty() && wanted != std::to_string(own))
    return reply(Code::unsupported_protocol, "Network protocol not supported, use ({})", own);
  ask(action::Listen{}, &Pi::after_epsv);
}

// What PORT or EPRT said before holds no more either.
void Pi::after_epsv_all(const Outcome&) { reply(Code::okay, "Only EPSV from now on."); }

void Pi::after_epsv(const Outcome& outcome) {
  if (outcome.error != 0) return reply(Code::cannot_open_data, "No passive port is free; try again.");
  reply(Code::entering_extended_passive, "Entering Extended Passive Mode (|||{}|)", outcome.endpoint.port);
}

void Pi::on_type(std::string_view argument) {
  static constexpr Phrase wanted = "Wanted: A, E (with N, T or C behind it, or nothing), I, or L and a byte size.";
  const Parameters type = split_parameters(argument);
  if (type.first.size() != 1 || type.more) return reply(Code::bad_parameter, wanted);
  Representation as = as_;
  as.type = static_cast<Type>(type.first.front());
  as.format = Format::non_print;
  as.byte_size = 8;
  switch (as.type) {
    case Type::ascii:
    case Type::ebcdic:
      if (!type.second.empty()) as.format = static_cast<Format>(type.second.front());
      if (type.second.size() > 1 || !contains_letter("NTC", as.format)) return reply(Code::bad_parameter, wanted);
      break;
    case Type::image:
      if (!type.second.empty()) return reply(Code::bad_parameter, wanted);
      break;
    case Type::local: {
      if (!all_digits(type.second)) return reply(Code::bad_parameter, wanted);
      const auto bits = parse_number(type.second, byte_size_max);
      if (!bits || *bits == 0)
        return reply(Code::parameter_not_implemented, "Bytes have 1 to {} bits here.", byte_size_max);
      as.byte_size = static_cast<unsigned>(*bits);
      break;
    }
    default: return reply(Code::parameter_not_implemented, "Types A, E, I and L are implemented.");
  }
  as_ = as;
  reply(Code::okay, "Type is {}.", type_text(as_));
}

void Pi::on_stru(std::string_view argument) {
  argument = without_trailing_blank(argument);
  if (argument.size() != 1) return reply(Code::bad_parameter, "Wanted: one letter.");
  const auto structure = static_cast<Structure>(upper(argument.front()));
  if (!contains_letter("FRP", structure))
    return reply(Code::parameter_not_implemented, "Structures F, R and P are implemented.");
  as_.structure = structure;
  reply(Code::okay, "Structure is {}.", letter(structure));
}

/// The letters of all modes that this server has, as FEAT and HELP tell them.
std::string Pi::offered_modes(std::string_view separator) const {
  std::string letters(1, letter(Mode::stream));
  const auto add = [&](Mode mode) { letters.append(separator).append(1, letter(mode)); };
  if (config().data.block_modes != BlockModes::never) {
    add(Mode::block);
    add(Mode::compressed);
  }
  if (config().limits.deflate_level > 0) add(Mode::deflate);
  return letters;
}

// Apache Commons Net sends MODE B where its user sets BLOCK_TRANSFER_MODE (Hadoop always does), takes any answer and
// moves a plain stream: 504 is the answer by which that works, so who has not asked FEAT is refused unless configured.
// What REST said is said in the terms of a MODE (RFC 959 3.5, RFC 3659 5.3).
void Pi::on_mode(std::string_view argument) {
  argument = without_trailing_blank(argument);
  if (argument.size() != 1) return reply(Code::bad_parameter, "Wanted: one letter.");
  const auto mode = static_cast<Mode>(upper(argument.front()));
  if (!contains_letter(offered_modes(""), mode))
    return reply(Code::parameter_not_implemented, "These modes are implemented: {}.", offered_modes(", "));
  const bool blocks = mode == Mode::block || mode == Mode::compressed;
  if (blocks && config().data.block_modes == BlockModes::announced && !features_asked_)
    return reply(Code::parameter_not_implemented, "Send FEAT first, which lists modes B and C.");
  if (mode != as_.mode) forget_restart();
  as_.mode = mode;
  reply(Code::okay, "Mode is {}.", letter(mode));
}

}  // namespace core
