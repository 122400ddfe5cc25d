// The data transfer process as one dense table: a state and an event give an action and the next
// state. Knows no sockets and no files; net/transfer.cpp raises the events and does the actions.
// RFC 959 3.2, 3.3, 5.2.
#pragma once

#include <cstdint>

namespace core::dtp {

enum class State : std::uint8_t {
  idle,        ///< nothing negotiated: the default ports hold
  aimed,       ///< PORT or EPRT named where to connect
  listening,   ///< PASV or EPSV: waiting for the client, no transfer yet
  lapsed,      ///< the client did not come in time: the port is given back, and the next transfer fails
  connected,   ///< the client came before its transfer command
  kept,        ///< open from the transfer before, in a MODE that marks the end of file (3.3)
  connecting,  ///< a transfer waits for our connect
  awaiting,    ///< a transfer waits for the client to come
  securing,    ///< the connection stands; with PROT P the handshake is under way (RFC 4217 10.2)
  moving,      ///< octets move
  flushing,    ///< all moved: closing our side, finishing the file
  ending,      ///< the same after ABOR: it comes too late for the file, and nothing stays open
  stopping,    ///< a transfer failed or was aborted: its ops are being joined
  dropping,    ///< no transfer; listener or connection are being closed before something new
};
inline constexpr int state_count = 14;

enum class Event : std::uint8_t {
  aim,       ///< PORT, EPRT
  listen,    ///< PASV, EPSV
  drop,      ///< ABOR without a transfer, REIN
  start,     ///< the transfer command was answered with 1yz
  accepted,  ///< the client came
  connect_done,
  secured,  ///< octets may move: the handshake is done, or none is wanted
  moved,    ///< the last octet was read and written
  flushed,  ///< closed and stored
  stays,    ///< stored, and the data connection stays open
  lost,     ///< the peer has closed the connection that was kept
  failed,   ///< whatever went wrong: kept beside, for the reply
  abort,    ///< ABOR, or the control connection is gone
  joined,   ///< no op of the data connection is in flight any more
};
inline constexpr int event_count = 14;

enum class Action : std::uint8_t {
  none,
  keep,     ///< remember the aim
  listen,   ///< open a listener and wait for the client
  connect,  ///< to where PORT said, or to the default port U
  await,    ///< give the client some time to come
  secure,   ///< with PROT P begin the handshake
  move,     ///< start the flow
  flush,    ///< finish the file, close the data connection
  stop,     ///< cancel everything; `joined` follows
  close,    ///< the data connection, which no op uses
  lapse,    ///< the transfer fails for want of a connection
  drop,     ///< the same as stop without a transfer; then the event that caused it is raised again
  again,    ///< raise that event now
  report,   ///< tell the PI how the transfer ended
  dropped,  ///< tell the PI that nothing is open
};

struct Step {
  Action action = Action::none;
  State next = State::idle;
  bool exists = false;
};

/// The row for a pair. A pair that cannot happen has no row: `exists` is false.
Step step(State state, Event event);

const char* to_string(State state);
const char* to_string(Event event);

}  // namespace core::dtp
