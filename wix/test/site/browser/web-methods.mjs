export function methodOf(module, name) {
  return async (...args) => {
    const options = { method: 'POST', body: JSON.stringify(args) };
    const response = await fetch(`/_site/web-methods/${module}/${name}`, options);
    if (!response.ok) throw new Error(`${response.status}`);
    return response.json();
  };
}
