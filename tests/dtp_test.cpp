// The data transfer process walked along every sequence of events that can happen, to a fixed depth. A
// model knows which operations are in flight, so which events are possible. RFC 959 3.2.
#include "core/dtp.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/catch.hpp"

namespace {

using core::dtp::Action;
using core::dtp::Event;
using core::dtp::State;
using core::dtp::step;

constexpr int depth_max = 10;

using Pair = std::pair<State, Event>;

/// What may happen next. The control connection's end raises `abort` as ABOR does, at any time.
struct Happening {
  Event event;
  bool control_is_gone = false;
};

struct Model {
  State state = State::idle;
  // Operations in flight.
  bool accepting = false, connecting = false, securing = false, flowing = false, flushing = false, joining = false;
  // The PI's side.
  bool transfer = false;  ///< between 1yz and the final reply
  bool aborted = false;   ///< ABOR was sent: the PI takes no second one
  bool asked = false;     ///< PORT, PASV or ABOR waits for its outcome
  bool gone = false;      ///< the control connection
  Event renewing = Event::drop;
  int starts = 0, reports = 0;
  std::vector<Pair> missing;  ///< pairs without a row
  std::set<Pair>* reached = nullptr;

  bool busy() const { return accepting || connecting || securing || flowing || flushing || joining; }

  std::vector<Happening> possible() const {
    std::vector<Happening> all;
    if (!gone && !transfer && !asked)
      for (const Event event : {Event::aim, Event::listen, Event::drop, Event::start}) all.push_back({event});
    if (accepting) all.push_back({Event::accepted});
    if (connecting) all.push_back({Event::connect_done});
    if (securing) all.push_back({Event::secured});
    if (flowing) all.push_back({Event::moved});
    if (flushing) all.push_back({Event::flushed});
    if (flushing && state == State::flushing) all.push_back({Event::stays});
    if (state == State::kept && !asked && !gone) all.push_back({Event::lost});
    if (accepting || connecting || securing || flowing || flushing) all.push_back({Event::failed});
    if (joining) all.push_back({Event::joined});
    if (!gone && transfer && !aborted) all.push_back({Event::abort});
    if (!gone) all.push_back({Event::abort, true});
    return all;
  }

  void happen(const Happening& happening) {
    const Event event = happening.event;
    if (event == Event::aim || event == Event::listen || event == Event::drop) {
      renewing = event;
      asked = true;
    }
    if (event == Event::start) {
      transfer = true;
      aborted = false;
      ++starts;
    }
    if (event == Event::abort) aborted = true;
    if (happening.control_is_gone) {
      gone = true;
      renewing = Event::drop;
    }
    complete(event);
    raise(event);
  }

  void complete(Event event) {
    switch (event) {
      case Event::accepted: accepting = false; break;
      case Event::connect_done: connecting = false; break;
      case Event::secured: securing = false; break;
      case Event::moved: flowing = false; break;
      case Event::flushed:
      case Event::stays: flushing = false; break;
      case Event::joined: joining = false; break;
      case Event::failed: accepting = connecting = securing = flowing = flushing = false; break;
      default: break;
    }
  }

  void raise(Event event) {
    const core::dtp::Step row = step(state, event);
    if (!row.exists) return missing.emplace_back(state, event), void();
    if (reached != nullptr) reached->emplace(state, event);
    state = row.next;
    act(row.action);
  }

  void act(Action action) {
    switch (action) {
      case Action::none:
      case Action::close:
      case Action::await: break;
      case Action::lapse: return raise(Event::failed);
      case Action::keep:
      case Action::dropped: asked = false; break;
      case Action::listen:
        accepting = true;
        asked = false;
        break;
      case Action::connect: connecting = true; break;
      case Action::secure: securing = true; break;
      case Action::move: flowing = true; break;
      case Action::flush: flushing = true; break;
      case Action::stop:
      case Action::drop:
        accepting = connecting = securing = flowing = flushing = false;  // cancelled: what comes of them raises nothing
        joining = true;
        break;
      case Action::again: raise(renewing); break;
      case Action::report:
        transfer = false;
        ++reports;
        break;
    }
  }
};

/// Calls visit(model, path) for every sequence of happenings up to the depth.
template <typename Visit>
void walk(const Model& model, int depth, std::string& path, Visit& visit) {
  visit(model, path);
  if (depth == 0) return;
  for (const Happening& happening : model.possible()) {
    const std::size_t length = path.size();
    ((path += ' ') += to_string(happening.event)) += happening.control_is_gone ? "(gone)" : "";
    Model next = model;
    next.happen(happening);
    walk(next, depth - 1, path, visit);
    path.resize(length);
  }
}

template <typename Visit>
void walk_all(Visit visit, std::set<Pair>* reached = nullptr) {
  Model start;
  start.reached = reached;
  std::string path;
  walk(start, depth_max, path, visit);
}

/// The control connection goes and every operation in flight completes.
Model ended(Model model) {
  if (!model.gone) model.happen({Event::abort, true});
  for (int steps = 0; model.busy() && steps < 8; ++steps) {
    if (model.joining) model.happen({Event::joined});
    if (model.flushing) model.happen({Event::flushed});
    if (model.accepting || model.connecting || model.securing || model.flowing) model.happen({Event::failed});
  }
  return model;
}

}  // namespace

TEST_CASE("no pair that can happen lacks a row", "[dtp]") {
  walk_all([](const Model& model, const std::string& path) {
    if (model.missing.empty()) return;
    FAIL("no row for " << to_string(model.missing.front().first) << " and " << to_string(model.missing.front().second)
                       << " behind" << path);
  });
}

TEST_CASE("every start is followed by exactly one report", "[dtp]") {
  walk_all([](const Model& model, const std::string& path) {
    if (model.starts - model.reports != (model.transfer ? 1 : 0)) FAIL("behind" << path);
    const Model end = ended(model);
    if (end.starts != end.reports) FAIL("never reported behind" << path);
  });
}

TEST_CASE("when the control connection goes, everything ends idle", "[dtp][DC-08]") {
  walk_all([](const Model& model, const std::string& path) {
    const Model end = ended(model);
    if (end.state != State::idle || end.busy() || end.asked) FAIL(to_string(end.state) << " behind" << path);
  });
}

TEST_CASE("ABOR ends a transfer, and the data connection with it", "[dtp][DC-06]") {
  walk_all([](const Model& model, const std::string& path) {
    if (model.gone || !model.transfer || model.aborted) return;
    Model end = model;
    end.happen({Event::abort});
    if (end.joining) end.happen({Event::joined});
    if (end.flushing) end.happen({Event::flushed});
    if (end.state != State::idle || end.busy() || end.transfer) FAIL(to_string(end.state) << " behind" << path);
  });
}

TEST_CASE("every question of the PI is answered once what is in flight has completed", "[dtp]") {
  walk_all([](const Model& model, const std::string& path) {
    if (!model.asked) return;
    Model end = model;
    if (end.joining) end.happen({Event::joined});
    if (end.asked) FAIL("behind" << path);
  });
}

TEST_CASE("every row is reached, and only rows are", "[dtp]") {
  std::set<Pair> reached;
  walk_all([](const Model&, const std::string&) {}, &reached);
  for (int state = 0; state < core::dtp::state_count; ++state) {
    for (int event = 0; event < core::dtp::event_count; ++event) {
      const Pair pair{static_cast<State>(state), static_cast<Event>(event)};
      CAPTURE(to_string(pair.first), to_string(pair.second));
      CHECK(step(pair.first, pair.second).exists == reached.contains(pair));
    }
  }
}

TEST_CASE("a new port specification closes the listener or connection before", "[dtp][DC-07]") {
  for (const State open : {State::listening, State::connected, State::kept}) {
    for (const Event event : {Event::aim, Event::listen, Event::drop}) {
      CHECK(step(open, event).action == Action::drop);
      CHECK(step(open, event).next == State::dropping);
    }
  }
}

TEST_CASE("the server connects only at the transfer command", "[dtp][DC-04]") {
  for (int state = 0; state < core::dtp::state_count; ++state) {
    for (int event = 0; event < core::dtp::event_count; ++event) {
      const core::dtp::Step row = step(static_cast<State>(state), static_cast<Event>(event));
      if (row.exists && row.action == Action::connect) CHECK(static_cast<Event>(event) == Event::start);
    }
  }
}

TEST_CASE("it makes no difference whether the client comes before or behind the transfer command", "[dtp][PP-07]") {
  CHECK(step(State::listening, Event::accepted).next == State::connected);
  CHECK(step(State::connected, Event::start).action == Action::secure);
  CHECK(step(State::listening, Event::start).next == State::awaiting);
  CHECK(step(State::awaiting, Event::accepted).action == Action::secure);
}

TEST_CASE("octets move only behind the handshake", "[dtp][TL-15]") {
  for (int state = 0; state < core::dtp::state_count; ++state) {
    for (int event = 0; event < core::dtp::event_count; ++event) {
      const core::dtp::Step row = step(static_cast<State>(state), static_cast<Event>(event));
      // A connection that is kept had its handshake when it was opened.
      if (row.action == Action::move && static_cast<State>(state) != State::kept)
        CHECK(static_cast<Event>(event) == Event::secured);
    }
  }
  CHECK(step(State::securing, Event::failed).action == Action::stop);
}

TEST_CASE("a data connection that is kept serves the next transfer, unless the peer has closed it", "[dtp][MD-11]") {
  CHECK(step(State::flushing, Event::stays).next == State::kept);
  CHECK(step(State::kept, Event::start).action == Action::move);
  CHECK(step(State::kept, Event::lost).next == State::idle);
  CHECK(step(State::idle, Event::start).action == Action::connect);
}
