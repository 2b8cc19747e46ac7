/**
 * @generated SignedSource<<d7464f4a11e39d7cf6c8bdaad5694524>>
 * @lightSyntaxTransform
 */

/* eslint-disable */

'use strict';

var node = (function(){
var v0 = [
  {
    "alias": null,
    "args": [
      {
        "kind": "Literal",
        "name": "first",
        "value": 1
      }
    ],
    "concreteType": "ApiKeyConnection",
    "kind": "LinkedField",
    "name": "apiKeys",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "totalCount",
        "storageKey": null
      }
    ],
    "storageKey": "apiKeys(first:1)"
  }
];
return {
  "fragment": {
    "argumentDefinitions": [],
    "kind": "Fragment",
    "metadata": null,
    "name": "registryKeysQuery",
    "selections": (v0/*:: as any*/),
    "type": "Query",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": [],
    "kind": "Operation",
    "name": "registryKeysQuery",
    "selections": (v0/*:: as any*/)
  },
  "params": {
    "cacheID": "8453039003d8e25ec2c509ebf1927717",
    "id": null,
    "metadata": {},
    "name": "registryKeysQuery",
    "operationKind": "query",
    "text": "query registryKeysQuery {\n  apiKeys(first: 1) {\n    totalCount\n  }\n}\n"
  }
};
})();

node.hash = "f07cb2a463b4b6e691c37594c4faa53d";

module.exports = node;
