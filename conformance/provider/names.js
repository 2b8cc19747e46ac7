// What the provider and those who ask it call the same.

// audience is what the server wants tokens to be made for. The page that people sign in to has this name too, so that this
// is also whom their ID tokens are for.
export const audience = 'phoneregistry';

export const redirectURI = 'https://registry.example/signed-in';
export const person = { sub: 'u-4711', email: 'ana@example.com' };
