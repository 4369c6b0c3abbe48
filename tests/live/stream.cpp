// SPDX-License-Identifier: Apache-2.0
// Takes a stream of JSON lines apart and checks what must hold of all of them together.
#include "stream.h"

#include <map>
#include <set>
#include <sstream>

namespace live {
namespace {

void CheckEnds(const Stream &stream, Differences &wrong) {
    if (stream.records.empty()) {
        wrong.push_back("the stream is empty");
        return;
    }
    if (TextAt(stream.records.front(), "/event") != "start") {
        wrong.push_back("the first record is not start: " + stream.records.front().dump());
    }
    if (TextAt(stream.records.back(), "/event") != "stop") {
        wrong.push_back("the last record is not stop: " + stream.records.back().dump());
    }
}

void CheckSequence(const Stream &stream, Differences &wrong) {
    long long expected = -1;
    for (const Json &record : stream.records) {
        if (!record.contains("seq")) {
            if (TextAt(record, "/event") != "start")
                wrong.push_back("no seq: " + record.dump());
            continue;
        }
        const auto seq = record["seq"].get<long long>();
        if (expected < 0 && seq > 1)
            wrong.push_back("seq begins at " + std::to_string(seq));
        if (expected >= 0 && seq != expected) {
            wrong.push_back("seq " + std::to_string(seq) + " and not " + std::to_string(expected));
        }
        expected = seq + 1;
    }
}

// Times are of one width, so their text sorts as they do.
void CheckTimes(const Stream &stream, Differences &wrong) {
    std::string newest;
    for (const Json &call : stream.calls) {
        const std::string time = TextAt(call, "/time");
        if (time.size() != 30 || time.back() != 'Z')
            wrong.push_back("no time in ns: " + time);
        const bool late = (At(call, "/late") == true);
        if (!late && time < newest) {
            wrong.push_back("seq " + call["seq"].dump() + " at " + time + " stands behind " + newest +
                            " and is not marked late");
        }
        if (late && time >= newest)
            wrong.push_back("late is set but nothing newer came before");
        newest = std::max(newest, time);
    }
}

void CheckCounts(const Stream &stream, Differences &wrong) {
    if (stream.records.empty() || TextAt(stream.records.back(), "/event") != "stop")
        return;
    const long long written = StopCount(stream, "written");
    if (written != static_cast<long long>(stream.calls.size())) {
        wrong.push_back("stop says written " + std::to_string(written) + ", the stream has " +
                        std::to_string(stream.calls.size()));
    }
    long long lost = 0;
    for (const Json &record : stream.records) {
        if (TextAt(record, "/event") == "lost" && At(record, "/count").is_number()) {
            lost += record["count"].get<long long>();
        }
    }
    const long long unaccounted = StopCount(stream, "dropped") + StopCount(stream, "missed");
    if (lost > unaccounted) {
        wrong.push_back("lost records tell of " + std::to_string(lost) + ", stop of " + std::to_string(unaccounted));
    }
}

// An object's keys must be the same in every record of an event, whatever the values.
void CheckKeys(const Stream &stream, const char *pointer, Differences &wrong) {
    const Json::json_pointer path(pointer);
    std::map<std::string, std::set<std::string>> of_event;
    for (const Json &call : stream.calls) {
        if (!call.contains(path) || !call.at(path).is_object())
            continue;
        std::set<std::string> keys;
        for (const auto &item : call.at(path).items()) {
            const bool either = item.key() == "text" || item.key() == "base64";
            keys.insert(either ? "text or base64" : item.key());
        }
        std::set<std::string> &first = of_event[TextAt(call, "/event")];
        if (first.empty())
            first = keys;
        if (keys != first) {
            wrong.push_back(std::string("keys of '") + pointer + "' differ from earlier ones in " +
                            call.dump().substr(0, 2000));
            return;
        }
    }
}

}  // namespace

Stream ParseStream(const std::string &text) {
    Stream stream;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (lines.eof())
            stream.wrong.push_back("the last line has no end: " + line);
        Json record = Json::parse(line, nullptr, false);
        if (!record.is_object()) {
            stream.wrong.push_back("no JSON object: " + line);
            continue;
        }
        const std::string event = TextAt(record, "/event");
        if (event != "start" && event != "lost" && event != "stop")
            stream.calls.push_back(record);
        stream.records.push_back(std::move(record));
    }
    return stream;
}

Differences CheckStream(const Stream &stream) {
    Differences wrong = stream.wrong;
    CheckEnds(stream, wrong);
    CheckSequence(stream, wrong);
    CheckTimes(stream, wrong);
    CheckCounts(stream, wrong);
    for (const char *pointer : {"", "/process", "/socket", "/args", "/args/msg", "/fds", "/payload", "/verdict"}) {
        CheckKeys(stream, pointer, wrong);
    }
    return wrong;
}

long long StopCount(const Stream &stream, const std::string &key) {
    if (stream.records.empty())
        return 0;
    const Json &stop = stream.records.back();
    if (!stop.contains(key))
        return 0;
    if (stop[key].is_number())
        return stop[key].get<long long>();
    long long sum = 0;
    for (const auto &item : stop[key].items())
        sum += item.value().get<long long>();
    return sum;
}

Json At(const Json &record, const std::string &pointer) {
    const Json::json_pointer path(pointer);
    return record.contains(path) ? record.at(path) : Json(nullptr);
}

std::string TextAt(const Json &record, const std::string &pointer) {
    const Json value = At(record, pointer);
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::string Joined(const Differences &differences) {
    constexpr size_t kShown = 40;
    std::string text;
    for (size_t i = 0; i < std::min(kShown, differences.size()); ++i) {
        text += "  " + differences[i] + "\n";
    }
    if (differences.size() > kShown) {
        text += "  and " + std::to_string(differences.size() - kShown) + " more\n";
    }
    return text;
}

}  // namespace live
