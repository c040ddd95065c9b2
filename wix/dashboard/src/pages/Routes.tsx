export default function Routes() { return <p>Routes</p>; }
