// Which host, and in which language: HOST LANG. RFC 7151, RFC 2640 4.
#include <fmt/format.h>

#include "core/host_name.hpp"
#include "core/pi_reply.hpp"
#include "core/text.hpp"

namespace core {

// ---- HOST ----

// The last HOST counts, and of those before nothing is left: neither a user nor a language (RFC 7151 3.2.2, RFC 2640
// 4.1). One that is refused leaves all as it was.
void Pi::on_host(std::string_view argument) {
  if (logged_in()) return reply(Code::bad_sequence, "HOST comes before the login; send REIN first.");
  const auto wanted = parse_host_name(argument);
  if (!wanted)
    return reply(Code::bad_parameter, "Wanted: a host name, an IPv4 address, or an IPv6 address in brackets; no port.");
  if (!fits_handshake(wanted->name))
    return reply(Code::parameter_not_implemented, "The TLS handshake was for another host.");
  const Config::Host* const named = config().find_host(wanted->name);
  const bool own = wanted->address ? is_own_address(*wanted->address) : config().is_own_name(wanted->name);
  if (!own && (named == nullptr || named->state == HostState::disabled))
    return reply(Code::parameter_not_implemented, "There is no such host here.");
  if (!own && named->state == HostState::down) {
    reply(Code::not_available, "That host is not available now; try again later.");
    return close_control();
  }
  log_out();
  select_host(wanted->name);
  reply_as_is(Code::service_ready, greeting());
}

// Where an address is translated on the way, the client knows the one that PASV announces.
bool Pi::is_own_address(const Endpoint& address) const {
  const auto& announced = config().data.passive_address;
  return address.same_address(local_) || (announced && address.same_address(*announced));
}

// What the client named in its handshake it has to name in HOST (RFC 7151 3.2.2).
bool Pi::fits_handshake(std::string_view host) const { return server_name_.empty() || host == server_name_; }

void Pi::select_host(std::string_view name) {
  host_name_ = name;
  chosen_language_.reset();
  choose_host();
}

// Clients from before HOST name the host in the handshake alone: that selects it too (RFC 7151 4).
void Pi::choose_host() {
  const Config::Host* const named = config().find_host(host_name_.empty() ? server_name_ : host_name_);
  host_ = named != nullptr && named->state == HostState::up ? named : nullptr;
}

const Accounts& Pi::accounts() const { return host_ != nullptr ? host_->accounts : config().accounts; }

std::string_view Pi::title() const { return host_ != nullptr ? host_->title : config().server.name; }

std::string Pi::greeting() const {
  return fmt::format("{} {}", title(), host_ != nullptr ? host_->greeting : config().server.greeting);
}

// ---- LANG ----

Language Pi::language() const {
  return chosen_language_.value_or(host_ != nullptr ? host_->language : config().server.language);
}

void Pi::on_lang(std::string_view argument) {
  argument = without_trailing_blank(argument);
  if (!argument.empty() && !is_language_tag(argument))
    return reply(Code::bad_parameter, "Wanted: a language tag, such as EN or DE.");
  const auto found = find_language(argument);
  if (!argument.empty() && !found)
    return reply(Code::parameter_not_implemented, "That language is not spoken here; FEAT lists those that are.");
  chosen_language_ = found;
  reply(Code::okay, "Replies are in English from now on.");
}

std::string_view Pi::say(Phrase phrase) const { return phrase_text(language(), phrase); }

}  // namespace core
