package postgres

// tie is by what entries with the same sort value are told apart where numbers are shown masked: a hash of the number
// under a secret of this registry. The numbers themselves would put them in their order, and whoever knows some of them
// could tell where the others lie. Masked or not, the number is last: two may have the same hash.
//
// The secret is read once for each statement.
func tie(number string) string { return "hashint8extended(" + number + ", (" + selectTieSeed + "))" }

// -- name: tie_seed
const selectTieSeed = `SELECT ('x' || encode(substring(key FOR 8), 'hex'))::bit(64)::bigint FROM instance_keys WHERE name = 'ties'`

// masked is the list as it is shown with masked numbers, best first: like statement, but for those with the same total.
func (l byTotal) masked(w *where) string {
	if l.after != nil {
		total, number := w.arg(l.after.Sort), w.arg(int64(l.after.Number))
		w.conditions = append(w.conditions, "s.total <= "+total, "(s.total < "+total+" OR ("+tie("s.number")+", s.number) > ("+
			tie(number+"::bigint")+", "+number+"))")
	}
	return "SELECT " + l.columns + "\nFROM " + l.from + w.String() + "\nORDER BY s.total DESC, " + tie("s.number") + ", s.number\nLIMIT " + w.arg(l.limit)
}

// fromFailuresMasked is fromFailures for those who see numbers masked.
func fromFailuresMasked() string {
	return `
FROM unnest($1::uuid[]) AS j (id)
CROSS JOIN LATERAL (
	SELECT f.*
	FROM validation_failures f
	WHERE f.job_id = j.id AND f.platform >= $2::text::platform
		AND (f.platform > $2::text::platform OR $3::bigint = 0 OR (` + tie("f.number") + `, f.number) > (` + tie("$3::bigint") + `, $3::bigint))
	ORDER BY f.platform, ` + tie("f.number") + `, f.number
	LIMIT $4) f
ORDER BY f.job_id, f.platform, ` + tie("f.number") + `, f.number`
}
