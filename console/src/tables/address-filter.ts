/**
 * What a page is filtered by stands in its address: a link shows the same, and Back shows what was shown before.
 *
 * To begin a filter and to drop it are steps for Back; to refine it, letter by letter, is none.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { useLocation, useSearchParams } from "react-router";

/** Browsers slow down or refuse addresses that change at each letter. */
const CALM_MILLISECONDS = 300;

export interface AddressForm<T> {
  read: (parameters: URLSearchParams) => T;
  /** All parameters that are the filter's, each with its values; none where nothing is asked for. */
  write: (filter: T) => { [name: string]: readonly string[] };
}

/** The filter, and how it is changed. The form must stay the same one. */
export function useAddressFilter<T>(form: AddressForm<T>): [T, (filter: T) => void] {
  const [parameters, setParameters] = useSearchParams();
  const [filter, setFilter] = useState(() => form.read(parameters));
  const { pathname } = useLocation();
  const inAddress = spell(form, form.read(parameters)).toString();
  const known = useRef(inAddress);
  const follow = useCallback(
    (address: string) => {
      if (address === known.current) return;
      known.current = address;
      setFilter(form.read(new URLSearchParams(address)));
    },
    [form],
  );
  useEffect(() => follow(inAddress), [follow, inAddress]);
  /** A step that is taken back before it is drawn changes nothing that the router would draw anew. */
  useEffect(() => {
    const goBack = () => {
      const { pathname: path, search } = window.location;
      if (path === pathname) follow(spell(form, form.read(new URLSearchParams(search))).toString());
    };
    window.addEventListener("popstate", goBack);
    return () => window.removeEventListener("popstate", goBack);
  }, [form, follow, pathname]);
  useEffect(() => {
    const wanted = spell(form, filter);
    if (wanted.toString() === known.current) return undefined;
    const timer = setTimeout(() => {
      const replace = listNames(wanted) === listNames(new URLSearchParams(known.current));
      known.current = wanted.toString();
      setParameters((before) => merge(before, form.write(filter)), { replace });
    }, CALM_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [form, filter, setParameters]);
  return [filter, setFilter];
}

function spell<T>(form: AddressForm<T>, filter: T): URLSearchParams {
  return merge(new URLSearchParams(), form.write(filter));
}

/** Parameters of others stay. */
function merge(parameters: URLSearchParams, own: { [name: string]: readonly string[] }): URLSearchParams {
  for (const [name, values] of Object.entries(own)) {
    parameters.delete(name);
    values.forEach((value) => parameters.append(name, value));
  }
  return parameters;
}

function listNames(parameters: URLSearchParams): string {
  return [...new Set(parameters.keys())].join(" ");
}
