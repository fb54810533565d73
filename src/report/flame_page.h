/* The page around the data, made at build time from flame.html, flame.css and the flame_*.js by flame_embed.sh. */
#ifndef AP_REPORT_FLAME_PAGE_H
#define AP_REPORT_FLAME_PAGE_H

extern const char report_flame_before[], report_flame_after[];

#endif
