// The address of your backend, PUBLIC_URL in its settings.
export const BACKEND = 'https://pay.example.com';
