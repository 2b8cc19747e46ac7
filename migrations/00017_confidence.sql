-- +goose Up
-- Confidences were kept with what a decimal fraction gets behind its last place on its way, through 32 bits where they were
-- imported: 0.6 was 0.6000000238418579 or 0.6000000000000001. They have six places.
UPDATE customer_phones
SET confidence = round(confidence::numeric, 6)::double precision
WHERE confidence <> round(confidence::numeric, 6)::double precision;

-- +goose Down
-- Nothing is undone: what is right now would be right before, too.
SELECT 1;
