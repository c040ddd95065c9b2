export default function Payments() { return <p>Payments</p>; }
