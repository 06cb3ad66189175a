/**
 * The places where `install` writes: files of this machine's administrator, which take precedence
 * over those of packages.
 */

export const SERVICE_UNIT = "/etc/systemd/system/sallyport.service";
export const GUARD_UNIT = "/etc/systemd/system/sallyport-guard.service";
export const SYSUSERS = "/etc/sysusers.d/sallyport.conf";

/** The links that "systemctl enable" makes for each unit. */
export const ENABLED: Readonly<Record<string, string>> = {
  [SERVICE_UNIT]: "/etc/systemd/system/multi-user.target.wants/sallyport.service",
  [GUARD_UNIT]: "/etc/systemd/system/sysinit.target.wants/sallyport-guard.service",
};
