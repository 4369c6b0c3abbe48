// SPDX-License-Identifier: Apache-2.0
// Payload, senders, flags and ancillary data: compared by what they mean, not as they are spelled.
#include "compare_parts.h"

#include <algorithm>
#include <set>

#include "traffic/encoding.h"

namespace live {
namespace {

constexpr size_t kPathsPromised = 16;  // more descriptors may go without their paths

Json Member(const Json &object, const std::string &key) {
    if (!object.is_object())
        return object;
    return object.contains(key) ? object[key] : Json("no such key");
}

std::set<std::string> AsSet(const Json &list) {
    std::set<std::string> names;
    for (const Json &name : list)
        names.insert(name.dump());
    return names;
}

Differences CompareFlags(const Json &truth, const Json &shown) {
    if (!shown.is_array())
        return {"truth " + truth.dump() + ", record " + shown.dump()};
    if (AsSet(truth) == AsSet(shown))
        return {};
    return {"truth " + truth.dump() + ", record " + shown.dump()};
}

Json Delivered(const Json &fds) {
    Json delivered = Json::array();
    for (const Json &fd : fds) {
        if (TextAt(fd, "/status") == "delivered" || TextAt(fd, "/status") == "sent")
            delivered.push_back(fd);
    }
    return delivered;
}

// Whether a message that delivered nothing stands in the list is not part of the contract.
Json WithDescriptors(const Json &control) {
    Json kept = Json::array();
    for (const Json &message : control) {
        const bool empty = TextAt(message, "/type") == "SCM_RIGHTS" && Delivered(At(message, "/fds")).empty();
        if (!empty)
            kept.push_back(message);
    }
    return kept;
}

void CompareKeys(const std::string &where, const Json &truth, const Json &shown, Differences &wrong) {
    for (const auto &item : truth.items()) {
        const Json value = Member(shown, item.key());
        if (value != item.value()) {
            wrong.push_back(where + item.key() + ": truth " + item.value().dump() + ", record " + value.dump());
        }
    }
}

void CompareDescriptors(const std::string &where, const Json &truth, const Json &shown, Differences &wrong) {
    const Json delivered = Delivered(shown);
    if (truth.size() != delivered.size()) {
        wrong.push_back(where + "fds: " + std::to_string(truth.size()) + " delivered, record has " +
                        std::to_string(delivered.size()));
        return;
    }
    for (size_t i = 0; i < truth.size(); ++i) {
        Json expected = truth[i];
        if (i >= kPathsPromised)
            expected.erase("path");
        CompareKeys(where + "fds[" + std::to_string(i) + "].", expected, delivered[i], wrong);
    }
    for (const Json &fd : shown) {
        const bool gone = Delivered(Json::array({fd})).empty();
        if (gone && !At(fd, "/fd").is_null()) {
            wrong.push_back(where + "fds: one that was not delivered has a number: " + fd.dump());
        }
    }
}

Differences CompareControl(const Json &all_truth, const Json &all_shown) {
    if (!all_shown.is_array()) {
        return {"truth " + all_truth.dump().substr(0, 300) + ", record " + all_shown.dump()};
    }
    const Json truth = WithDescriptors(all_truth);
    const Json shown = WithDescriptors(all_shown);
    if (truth.size() != shown.size()) {
        return {"truth has " + std::to_string(truth.size()) + " messages, record " + std::to_string(shown.size()) +
                ": " + truth.dump().substr(0, 300) + " and " + shown.dump().substr(0, 300)};
    }
    Differences wrong;
    for (size_t i = 0; i < truth.size(); ++i) {
        const std::string where = "[" + std::to_string(i) + "].";
        Json fields = truth[i];
        fields.erase("fds");
        CompareKeys(where, fields, shown[i], wrong);
        if (truth[i].contains("fds")) {
            CompareDescriptors(where, truth[i]["fds"], At(shown[i], "/fds"), wrong);
        }
    }
    return wrong;
}

std::optional<std::string> FromBase64(const std::string &text) {
    std::string bytes;
    unsigned group = 0;
    size_t digits = 0;
    for (const char letter : text) {
        constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        if (letter == '=')
            break;
        const size_t value = kDigits.find(letter);
        if (value == std::string_view::npos)
            return std::nullopt;
        group = (group << 6 | static_cast<unsigned>(value)) & 0xffffff;
        if (++digits % 4 == 1)
            continue;
        bytes += static_cast<char>(group >> (6 - 2 * ((digits - 1) % 4)) & 0xff);
    }
    if (traffic::Base64(bytes) != text)
        return std::nullopt;  // padding and stray bits
    return bytes;
}

std::optional<std::string> Bytes(const Json &payload) {
    if (payload.contains("text") && payload["text"].is_string()) {
        return payload["text"].get<std::string>();
    }
    if (payload.contains("base64") && payload["base64"].is_string()) {
        return FromBase64(payload["base64"].get<std::string>());
    }
    return std::nullopt;
}

void CompareBytes(const std::string &expected, const Json &shown, Differences &wrong) {
    const auto bytes = Bytes(shown);
    if (!bytes) {
        wrong.push_back("payload has neither text nor valid base64: " + shown.dump().substr(0, 200));
        return;
    }
    const auto [here, there] = std::mismatch(expected.begin(), expected.end(), bytes->begin(), bytes->end());
    if (here != expected.end() || there != bytes->end()) {
        const auto at = static_cast<size_t>(here - expected.begin());
        wrong.push_back("payload differs at byte " + std::to_string(at) + ": truth '" +
                        traffic::Base64(expected.substr(at, 24)) + "', record '" +
                        traffic::Base64(bytes->substr(at, 24)) + "' (base64), " + std::to_string(bytes->size()) +
                        " bytes of " + std::to_string(expected.size()));
    }
    if (traffic::IsText(expected) != shown.contains("text")) {
        wrong.push_back(std::string("payload is to be ") + (traffic::IsText(expected) ? "text" : "base64"));
    }
}

}  // namespace

std::string PayloadOf(const Json &record) { return Bytes(At(record, "/payload")).value_or(""); }

Json WithoutOwnRules(const Json &truth) {
    Json rest = truth;
    for (const char *key : {"payload", "senders", "fds"})
        rest.erase(key);
    return rest;
}

std::optional<Differences> CompareSpecial(const std::string &field, const Json &truth, const Json &shown) {
    if (field == "args.flags" || field == "args.msg.flags")
        return CompareFlags(truth, shown);
    if (field == "args.msg.control")
        return CompareControl(truth, shown);
    return std::nullopt;
}

Differences ComparePayload(const Json &truth, const Json &record, const Case &one, size_t snaplen) {
    if (!truth.contains("payload"))
        return {};
    const Json &wanted = truth["payload"];
    const Json shown = At(record, "/payload");
    if (wanted.is_null())
        return shown.is_null() ? Differences{} : Differences{"payload: record has " + shown.dump()};
    if (one.failed && shown.is_null())
        return {};  // nothing was delivered: it does not apply
    if (!shown.is_object())
        return {"payload: record has " + shown.dump()};
    Differences wrong;
    if (At(shown, "/length") != wanted["length"]) {
        wrong.push_back("payload.length: truth " + wanted["length"].dump() + ", record " + At(shown, "/length").dump());
    }
    const std::string reason = TextAt(record, "/missing/payload");
    if (!wanted.contains("captured") || (!reason.empty() && MayBeMissing(one, "payload", reason)))
        return wrong;
    const std::string expected = Bytes(wanted).value_or("").substr(0, snaplen);
    if (At(shown, "/captured") != expected.size()) {
        wrong.push_back("payload.captured: truth " + std::to_string(expected.size()) + ", record " +
                        At(shown, "/captured").dump());
    }
    if (!one.failed)
        CompareBytes(expected, shown, wrong);
    if (At(shown, "/origin") == "U" && !MayBeUserMemory(one, record)) {
        wrong.push_back("payload.origin is U where the kernel's copy can be read");
    }
    return wrong;
}

// A guess may name the wrong process, but must say that it is one.
Differences CompareSenders(const Json &truth, const Json &record, const Case &one) {
    if (!truth.contains("senders"))
        return {};
    const Json shown = At(record, "/senders");
    if (truth["senders"].is_null())
        return shown.is_null() ? Differences{} : Differences{"senders: a send has " + shown.dump()};
    const std::string reason = TextAt(record, "/missing/senders");
    const bool none = shown.is_null() || shown.empty();
    if (none && !reason.empty() && MayBeMissing(one, "senders", reason))
        return {};
    if (!shown.is_array())
        return {"senders: record has " + shown.dump()};
    if (truth["senders"].empty())
        return shown.empty() ? Differences{} : Differences{"senders: nobody sent, record has " + shown.dump()};
    if (shown.empty()) {
        if (MayGuess(one) && one.family != "AF_UNIX")
            return {};
        return {"senders: truth " + truth["senders"].dump() + ", record has none"};
    }
    const bool guessed =
        std::any_of(shown.begin(), shown.end(), [](const Json &sender) { return (At(sender, "/guess") == true); });
    const bool must_know = truth["senders"][0].contains("guess") || !MayGuess(one);
    if (guessed && !must_know)
        return {};
    if (guessed)
        return {"senders: a guess where the writer is to be known: " + shown.dump()};
    if (shown.size() != truth["senders"].size()) {
        return {"senders: truth " + truth["senders"].dump() + ", record " + shown.dump()};
    }
    Differences wrong;
    for (size_t i = 0; i < shown.size(); ++i) {
        Json expected = truth["senders"][i];
        if (MayGuess(one) && At(shown[i], "/tid").is_null())
            expected.erase("tid");  // the kernel notes the process only
        CompareKeys("senders[" + std::to_string(i) + "].", expected, shown[i], wrong);
    }
    return wrong;
}

Differences ComparePassed(const Json &truth, const Json &record, const Case &one) {
    if (!truth.contains("fds"))
        return {};
    const Json shown = At(record, "/fds");

    const bool applies = one.family == "AF_UNIX";
    Differences wrong;
    for (const auto &item : truth["fds"].items()) {
        const std::string field = "fds." + item.key();
        const Json value = Member(shown, item.key());
        const std::string below = TextAt(record, "/missing/" + field);
        const std::string reason = below.empty() ? TextAt(record, "/missing/fds") : below;
        if (value.is_null() && (!applies || (!reason.empty() && MayBeMissing(one, field, reason)))) {
            continue;
        }
        if (value != item.value() && !MayDiffer(one, field, value)) {
            wrong.push_back(field + ": truth " + item.value().dump() + ", record " + value.dump());
        }
    }
    return wrong;
}

Differences CheckRest(const Json &record, const Case &one) {
    Differences wrong;
    if (TextAt(record, "/engine") != one.engine)
        wrong.push_back("engine is not that of start");
    if (!At(record, "/late").is_boolean())
        wrong.push_back("late is no boolean");
    if (TextAt(record, "/verdict/action") != "allow") {
        wrong.push_back("verdict.action is not allow");
    }
    if (TextAt(record, "/process/id").empty()) {
        wrong.push_back("process.id is empty");
    }
    return wrong;
}

}  // namespace live
