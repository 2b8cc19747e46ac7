package postgres

// tie is by what entries with the same sort value are told apart: a hash of the number under a seed of this registry. The
// numbers themselves would put them in their order, and whoever sees masks and knows some of the numbers could tell where the
// others lie. The number is last: two may have the same hash.
func tie(number string) string { return "phone_tie(" + number + ")" }
