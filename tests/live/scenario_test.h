// SPDX-License-Identifier: Apache-2.0
// One test for each scenario that the traffic programs list.
#pragma once

namespace live {

void RegisterScenarioTests();

}  // namespace live
