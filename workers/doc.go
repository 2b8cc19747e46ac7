// Package workers is the runtime that turns work messages into result messages: it pulls the chunks of each platform
// from JetStream, asks the platform's adapter, tries again what failed, publishes one result for each chunk and
// acknowledges the chunk after that. A worker that dies in between leaves a chunk that comes again; the ledger in
// PostgreSQL makes a second result harmless.
//
// An adapter is one package below platform/ that implements Adapter; a Pool runs any number of them. docs/messages.md
// describes the messages for those who write a worker in another language.
package workers
