/** The name mark: a key whose bit is a root, and the name. Its colours are the same in both themes; `public/icon.svg` is the same drawing. */
export function NameMark() {
  return (
    <div className="name-mark">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="#0d8576" />
        <g fill="none" stroke="#ffffff" strokeWidth="2.6" strokeLinecap="round">
          <circle cx="16" cy="9" r="4.2" />
          <path d="M16 13.2V27" />
          <path d="M16 17.5c0 4.4-5.6 3.2-7 8.5" />
          <path d="M16 17.5c0 4.4 5.6 3.2 7 8.5" />
        </g>
      </svg>
      Rootkeeper
    </div>
  );
}
