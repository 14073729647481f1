/**
 * A filter that is part of the URL: a link shows the same rows, and Back shows the rows from before.
 *
 * Setting a filter and clearing it are history entries; refining it letter by letter isn't.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { useLocation, useSearchParams } from "react-router";
import { routerPath } from "../api/place";

/** Browsers throttle or refuse URL changes at every letter. */
const DEBOUNCE_MILLISECONDS = 300;

export interface FilterCodec<T> {
  read: (parameters: URLSearchParams) => T;
  /** All URL parameters of the filter with their values; an unused parameter has none. */
  write: (filter: T) => { [name: string]: readonly string[] };
}

/** The filter and its setter. The codec must be a constant. */
export function useUrlFilter<T>(codec: FilterCodec<T>): [T, (filter: T) => void] {
  const [parameters, setParameters] = useSearchParams();
  const [filter, setFilter] = useState(() => codec.read(parameters));
  const { pathname } = useLocation();
  const inUrl = toParameters(codec, codec.read(parameters)).toString();
  const current = useRef(inUrl);
  const applyUrl = useCallback(
    (search: string) => {
      if (search === current.current) return;
      current.current = search;
      setFilter(codec.read(new URLSearchParams(search)));
    },
    [codec],
  );
  useEffect(() => applyUrl(inUrl), [applyUrl, inUrl]);
  /** If the user goes back before a history entry is rendered, the router doesn't render again. */
  useEffect(() => {
    const goBack = () => {
      const { pathname: path, search } = window.location;
      if (routerPath(path) === pathname) applyUrl(toParameters(codec, codec.read(new URLSearchParams(search))).toString());
    };
    window.addEventListener("popstate", goBack);
    return () => window.removeEventListener("popstate", goBack);
  }, [codec, applyUrl, pathname]);
  useEffect(() => {
    const next = toParameters(codec, filter);
    if (next.toString() === current.current) return undefined;
    const timer = setTimeout(() => {
      const replace = listParameterNames(next) === listParameterNames(new URLSearchParams(current.current));
      current.current = next.toString();
      setParameters((before) => merge(before, codec.write(filter)), { replace });
    }, DEBOUNCE_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [codec, filter, setParameters]);
  return [filter, setFilter];
}

/** A parameter of the URL, and its setter. Setting it adds no history entry. */
export function useUrlParameter(name: string): [string | null, (value: string) => void] {
  const [parameters, setParameters] = useSearchParams();
  const set = (value: string) => setParameters((before) => merge(before, { [name]: [value] }), { replace: true });
  return [parameters.get(name), set];
}

function toParameters<T>(codec: FilterCodec<T>, filter: T): URLSearchParams {
  return merge(new URLSearchParams(), codec.write(filter));
}

/** Keeps the parameters of other parts of the page. */
function merge(parameters: URLSearchParams, own: { [name: string]: readonly string[] }): URLSearchParams {
  for (const [name, values] of Object.entries(own)) {
    parameters.delete(name);
    values.forEach((value) => parameters.append(name, value));
  }
  return parameters;
}

function listParameterNames(parameters: URLSearchParams): string {
  return [...new Set(parameters.keys())].join(" ");
}
