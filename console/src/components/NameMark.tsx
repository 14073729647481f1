/** The name mark: a tree whose crown is a lock, and the name. Its colours fit both themes; `public/icon.svg` is the same drawing. */
export function NameMark() {
  return (
    <div className="name-mark">
      <svg width="36" height="36" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="#0d8576" />
        <circle cx="16" cy="10.5" r="7" fill="#ffffff" />
        <path d="M14.2 14.6l0.7-3.6a2.3 2.3 0 1 1 2.2 0l0.7 3.6z" fill="#0d8576" />
        <g fill="none" stroke="#ffffff" strokeWidth="2.4" strokeLinecap="round">
          <path d="M16 17V28" />
          <path d="M16 20.5c0 3.2-5.5 2-7.5 6.5" />
          <path d="M16 20.5c0 3.2 5.5 2 7.5 6.5" />
        </g>
      </svg>
      Rootkeeper
    </div>
  );
}
