// SPDX-License-Identifier: Apache-2.0
// Making trees of patterns; see node.h.
#include "policy/pattern/node.h"

namespace sockwarden::pattern {

Node one_of(const ByteSet &bytes) {
    Node node;
    node.kind = Node::Kind::bytes;
    node.bytes = bytes;
    return node;
}

Node assert_that(Assertion assertion) {
    Node node;
    node.kind = Node::Kind::assertion;
    node.assertion = assertion;
    return node;
}

Node sequence_of(std::vector<Node> children) {
    if (children.size() == 1) {
        return std::move(children.front());
    }
    Node node;
    node.children = std::move(children);
    return node;
}

Node choice_of(std::vector<Node> children) {
    if (children.size() == 1) {
        return std::move(children.front());
    }
    Node node;
    node.kind = Node::Kind::choice;
    node.children = std::move(children);
    return node;
}

Node repeat(Node child, unsigned least, unsigned most) {
    Node node;
    node.kind = Node::Kind::repeat;
    node.least = least;
    node.most = most;
    node.children.push_back(std::move(child));
    return node;
}

}  // namespace sockwarden::pattern
