/**
 * @generated SignedSource<<45ea7b2926d8d6ed4dd3105983bfbaeb>>
 * @lightSyntaxTransform
 */

/* eslint-disable */

'use strict';

var node = (function(){
var v0 = [
  {
    "defaultValue": null,
    "kind": "LocalArgument",
    "name": "id"
  }
],
v1 = {
  "alias": null,
  "args": null,
  "kind": "ScalarField",
  "name": "status",
  "storageKey": null
},
v2 = [
  {
    "alias": null,
    "args": [
      {
        "kind": "Variable",
        "name": "id",
        "variableName": "id"
      }
    ],
    "concreteType": "ValidationJobProgress",
    "kind": "LinkedField",
    "name": "validationJobProgress",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "sequence",
        "storageKey": null
      },
      (v1/*:: as any*/),
      {
        "alias": null,
        "args": null,
        "concreteType": "ValidationJob",
        "kind": "LinkedField",
        "name": "job",
        "plural": false,
        "selections": [
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "id",
            "storageKey": null
          },
          (v1/*:: as any*/)
        ],
        "storageKey": null
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Fragment",
    "metadata": null,
    "name": "registryProgressSubscription",
    "selections": (v2/*:: as any*/),
    "type": "Subscription",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Operation",
    "name": "registryProgressSubscription",
    "selections": (v2/*:: as any*/)
  },
  "params": {
    "cacheID": "a7c061d25b0dca8a3abcaa97373f63c3",
    "id": null,
    "metadata": {},
    "name": "registryProgressSubscription",
    "operationKind": "subscription",
    "text": "subscription registryProgressSubscription(\n  $id: ID!\n) {\n  validationJobProgress(id: $id) {\n    sequence\n    status\n    job {\n      id\n      status\n    }\n  }\n}\n"
  }
};
})();

node.hash = "cd8ea339f1adc9cc58d5eba667b2ffdb";

module.exports = node;
