// SPDX-License-Identifier: Apache-2.0
// Pairs each call that was made with its record, and compares the fields that need no rule of their
// own.
#include "compare.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "compare_parts.h"

namespace live {
namespace {

std::string Short(const Json &value) {
    std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    constexpr size_t kShown = 160;
    return text.size() <= kShown ? text : text.substr(0, kShown) + "…";
}

std::string ReasonFor(const Json &record, std::string field) {
    const Json missing = At(record, "/missing");
    while (!field.empty()) {
        if (missing.is_object() && missing.contains(field) && missing[field].is_string()) {
            return missing[field].get<std::string>();
        }
        const size_t dot = field.rfind('.');
        field = dot == std::string::npos ? std::string() : field.substr(0, dot);
    }
    return {};
}

class Comparison {
public:
    Comparison(const Json &record, const Case &one) : record_(record), one_(one) {}

    void Value(const std::string &field, const Json &truth, const Json &shown);
    void Field(const std::string &field, const Json &truth, const Json &parent, const std::string &key);
    void MissingIsDeclared();

    Differences differences;

private:
    bool Excused(const std::string &field) const;
    void Object(const std::string &field, const Json &truth, const Json &shown);
    void Array(const std::string &field, const Json &truth, const Json &shown);
    void Say(const std::string &field, const Json &truth, const Json &shown) {
        differences.push_back(field + ": truth " + Short(truth) + ", record " + Short(shown));
    }

    const Json &record_;
    const Case &one_;
};

bool Comparison::Excused(const std::string &field) const {
    const std::string reason = ReasonFor(record_, field);
    return !reason.empty() && MayBeMissing(one_, field, reason);
}

void Comparison::Field(const std::string &field, const Json &truth, const Json &parent, const std::string &key) {
    if (!parent.is_object() || !parent.contains(key)) {
        differences.push_back(field + ": truth " + Short(truth) + ", record has no such key");
        return;
    }
    Value(field, truth, parent[key]);
}

void Comparison::Value(const std::string &field, const Json &truth, const Json &shown) {
    if (shown.is_null() && !truth.is_null()) {
        const bool none = truth.is_array() && truth.empty();  // null: does not apply
        if (none || Excused(field))
            return;
    }
    if (const std::optional<Differences> special = CompareSpecial(field, truth, shown)) {
        for (const std::string &text : *special)
            differences.push_back(field + ": " + text);
    } else if (truth.is_object() && shown.is_object()) {
        Object(field, truth, shown);
    } else if (truth.is_array() && shown.is_array()) {
        Array(field, truth, shown);
    } else if (truth != shown && !MayDiffer(one_, field, shown)) {
        Say(field, truth, shown);
    }
}

void Comparison::Object(const std::string &field, const Json &truth, const Json &shown) {
    for (const auto &item : truth.items()) {
        const std::string below = field.empty() ? item.key() : field + "." + item.key();
        Field(below, item.value(), shown, item.key());
    }
}

void Comparison::Array(const std::string &field, const Json &truth, const Json &shown) {
    if (truth.size() != shown.size()) {
        differences.push_back(field + ": truth has " + std::to_string(truth.size()) + " elements, record " +
                              std::to_string(shown.size()) + ": " + Short(truth) + " and " + Short(shown));
        return;
    }
    for (size_t i = 0; i < truth.size(); ++i) {
        Value(field + "." + std::to_string(i), truth[i], shown[i]);
    }
}

Json FieldOf(const Json &record, const std::string &field) {
    std::string path = "/" + field;
    std::replace(path.begin(), path.end(), '.', '/');
    return At(record, path);
}

// What stands in `missing` must be null, and must be something this engine cannot have.
void Comparison::MissingIsDeclared() {
    const Json missing = At(record_, "/missing");
    if (!missing.is_object()) {
        differences.push_back("missing is no object");
        return;
    }
    for (const auto &item : missing.items()) {
        const std::string &field = item.key();
        const std::string reason = item.value().is_string() ? item.value().get<std::string>() : "";
        if (!MayBeMissing(one_, field, reason)) {
            differences.push_back(field + ": missing for the reason '" + reason +
                                  "', which no row of the table of allowances accepts");
        }
        if (field != "payload" && !FieldOf(record_, field).is_null()) {
            differences.push_back(field + ": listed in missing and yet " + Short(FieldOf(record_, field)));
        }
    }
}

std::string Title(const Json &record) {
    return "return " + At(record, "/return").dump() + " errno " + At(record, "/errno").dump() + " fd " +
           At(record, "/args/sockfd").dump();
}

using ByThread = std::map<long long, std::vector<Json>>;

long long Thread(const Json &record) {
    const Json::json_pointer tid("/process/tid");
    return record.contains(tid) && record.at(tid).is_number() ? record.at(tid).get<long long>() : -1;
}

ByThread Records(const Stream &stream) {
    ByThread threads;
    for (const Json &call : stream.calls)
        threads[Thread(call)].push_back(call);
    for (auto &[tid, calls] : threads) {
        std::stable_sort(calls.begin(), calls.end(),
                         [](const Json &a, const Json &b) { return TextAt(a, "/time") < TextAt(b, "/time"); });
    }
    return threads;
}

struct Made {
    Json record;
    Case one;
};
using MadeByThread = std::map<long long, std::vector<Made>>;

MadeByThread Calls(const Truth &truth, const Case &base) {
    MadeByThread threads;
    for (const Json &line : truth.lines) {
        Case one = base;
        if (line.contains("scenario"))
            one.scenario = line["scenario"].get<std::string>();
        if (!MayBeUnseen(one, line))
            threads[Thread(line["record"])].push_back({AsShown(one, line["record"]), one});
    }
    return threads;
}

Differences CompareThread(long long tid, const std::vector<Made> &truths, const std::vector<Json> &records,
                          size_t snaplen) {
    Differences all;
    const std::string thread = "thread " + std::to_string(tid);
    // A thread whose every call was skipped is found by the counts.
    if (records.empty() && !truths.empty() && truths.front().one.skipped)
        return all;
    if (truths.size() != records.size()) {
        all.push_back(thread + ": " + std::to_string(truths.size()) + " calls made, " + std::to_string(records.size()) +
                      " records");
        for (const Made &truth : truths)
            all.push_back("  made: " + truth.one.scenario + ": " + Title(truth.record));
        for (const Json &record : records)
            all.push_back("  record: " + Title(record));
    }
    for (size_t i = 0; i < std::min(truths.size(), records.size()); ++i) {
        const std::string call = truths[i].one.scenario + ": " + thread + ", call " + std::to_string(i + 1) + " (" +
                                 Title(truths[i].record) + "): ";
        for (const std::string &text : CompareOne(truths[i].record, records[i], truths[i].one, snaplen)) {
            all.push_back(call + text);
        }
    }
    return all;
}

}  // namespace

Truth ReadTruth(const std::string &file) {
    Truth truth;
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        const Json parsed = Json::parse(line);
        if (parsed.contains("operations")) {
            truth.operations = parsed["operations"].get<long long>();
        } else if (parsed.contains("differed")) {
            truth.differed = parsed["differed"];
        } else {
            truth.lines.push_back(parsed);
        }
    }
    return truth;
}

Differences CompareOne(const Json &truth, const Json &record, const Case &base, size_t snaplen) {
    Case one = base;
    one.failed = truth["return"] == -1;
    one.event = TextAt(truth, "/event");
    one.family = TextAt(truth, "/socket/family");
    Comparison comparison(record, one);
    comparison.Value("", WithoutOwnRules(truth), record);
    comparison.MissingIsDeclared();
    Differences all = comparison.differences;
    for (const Differences &more : {ComparePayload(truth, record, one, snaplen), CompareSenders(truth, record, one),
                                    ComparePassed(truth, record, one), CheckRest(record, one)}) {
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

Differences CompareAll(const Truth &truth, const Stream &stream, const Case &base, size_t snaplen) {
    const MadeByThread made = Calls(truth, base);
    ByThread seen = Records(stream);
    Differences all;
    for (const auto &[tid, calls] : made) {
        const Differences more = CompareThread(tid, calls, seen[tid], snaplen);
        all.insert(all.end(), more.begin(), more.end());
    }
    for (const auto &[tid, calls] : seen) {
        if (made.contains(tid))
            continue;
        for (const Json &call : calls) {
            all.push_back("thread " + std::to_string(tid) + " made no call, and yet: " + Short(call));
        }
    }
    return all;
}

}  // namespace live
