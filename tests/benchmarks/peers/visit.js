//    Licensed under the Apache License, Version 2.0 (the "License"); you may
//    not use this file except in compliance with the License. You may obtain
//    a copy of the License at
//
//         http://www.apache.org/licenses/LICENSE-2.0
//
//    Unless required by applicable law or agreed to in writing, software
//    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
//    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
//    License for the specific language governing permissions and limitations
//    under the License.

import http from "k6/http";
import { check } from "k6";

export const options = {
  vus: Number(__ENV.USERS), iterations: Number(__ENV.REQUESTS),
  thresholds: { checks: ["rate==1"] },
};

export default function () {
  check(http.get(__ENV.URL), { "200": (answer) => answer.status === 200 });
}
